#!/usr/bin/env bash
# A topic of the log → contract → Delta, exactly once: messages a second and peak memory of `weir run`, which drains the
# topic in epochs with a commit each. Messages of about 200 bytes, 0.1 % dirt, 2 ranges, 1 pattern, 1 enumeration; without
# and with duplicates set apart by id; then the learning project's events (228 bytes, 48 columns, SQL rules, duplicates by
# id or by canonical JSON). WEIR_BENCH_ROWS: 5 million by default.
set -euo pipefail
# shellcheck source=bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

learning_rows="${WEIR_BENCH_LEARNING_ROWS:-2000000}"
orders_topic_project
echo "log: orders" >"$project/sources/orders.yaml"

rate() { awk -v rows="$1" -v seconds="$(median "$2")" 'BEGIN { printf "%.0f", rows / seconds }'; }
check() { # NAME LAKE PROJECT ROWS
    same "$1: messages read, and where they went" "$("$weir" sql "$3" --lake "$2" --format csv \
        'SELECT sum("read")::BIGINT, sum("read") = sum(accepted) + sum(duplicate) + sum(quarantined) FROM weir.accounting' | tail -n 1)" "$4,true"
}

echo "== $rows messages of $(($(stat -c %s "$json") / rows)) bytes, in the log"
orders_topic_contract none >"$project/contracts/orders.odcs.yaml"
"$weir" produce "$project" orders --from "$json" --partitions 4 --quiet
for deduplicate in none '[id]'; do
    name="weir run, $([[ $deduplicate == none ]] && echo 'all rows' || echo 'each id once')"
    orders_topic_contract "$deduplicate" >"$project/contracts/orders.odcs.yaml"
    for ((i = 0; i < repeats; i++)); do
        rm -rf "$work/lake"
        timed "$name" "$weir" run "$project" --lake "$work/lake" --quiet
    done
    report "$name"
    check "$name" "$work/lake" "$project" "$rows"
    goal "messages a second" "$(rate "$rows" "$name")" '>=' 1000000
    goal "peak MiB" "$(($(peak "$name") / 1024))" '<=' 512
done

echo "== $learning_rows events of the learning project, six topics"
cp -r projects/learning "$work/learning"
"$weir" generate "$work/learning" events --count "$learning_rows" --to log --log "$work/events" --partitions 3 --quiet
only=(--only auth --only assessment --only video --only course --only profile --only notification)
for ((i = 0; i < repeats; i++)); do
    rm -rf "$work/lake"
    timed "learning" "$weir" run "$work/learning" --param from=log --log "$work/events" --lake "$work/lake" --quiet "${only[@]}"
done
report "learning"
check "learning" "$work/lake" "$work/learning" "$learning_rows"
echo "  events a second: $(rate "$learning_rows" learning)"

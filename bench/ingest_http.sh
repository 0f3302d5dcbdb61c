#!/usr/bin/env bash
# Rows over HTTP: POST /topics/TOPIC with lines of JSON, each request answered when its rows are on the disk. Then the rows
# are counted in the lake. Beside it: the same rows by `weir produce`, which speaks to the log itself.
set -euo pipefail
# shellcheck source=bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

seconds="${WEIR_BENCH_SECONDS:-5}"
cmake --build --preset release --target http_load >/dev/null
http_project 'id: integer, name: string, amount: number'
echo 'SELECT count(*) AS n FROM t' >"$project/views/v.sql"
# The lake has to be there; only then is the log the only one that works.
"$weir" run "$project" --quiet >/dev/null 2>&1 || true
start_up "$weir" up "$project" --only serve
trap 'kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
total=0
id_sum=0
value() { awk -v name="$1" '$1 == name { print $2 }' "$work/answer"; }
for shape in "1 1" "8 1" "8 100" "8 1000" "4 10000"; do
    read -r connections rows <<<"$shape"
    build/release/http_load post "$url" rows "$connections" "$rows" "$seconds" >"$work/answer"
    printf '  %s connections, %5s rows a request: %9.0f rows/s %7.1f MB/s   acknowledged p50 %s p99 %s ms\n' "$connections" "$rows" \
        "$(value rows_per_second)" "$(value mb_per_second)" "$(value p50_ms)" "$(value p99_ms)"
    total=$((total + $(value rows | cut -d. -f1)))
    id_sum=$((id_sum + $(value id_sum | cut -d. -f1)))
done
http_rate="$(value rows_per_second)"
stop_up
# What is in the log is taken in by `weir up`; it ends when all is there.
start_up "$weir" up "$project" --only intake,serve
for ((look = 0; look < 1200; look++)); do
    counted="$("$weir" sql "$project" 'SELECT count(*) || $$ $$ || coalesce(sum(id), 0)::BIGINT FROM t' --format csv 2>/dev/null | tail -n 1 || true)"
    [[ "$counted" == "$total $id_sum" ]] && break
    sleep 0.1
done
same "rows in the lake and the sum of their ids" "$counted" "$total $id_sum"
stop_up

# The peer: the same rows from a file, acknowledged as durably.
produced=1000000
duckdb_sql "COPY (SELECT i AS id, 'name ' || i % 1000 AS name, i % 997 + 0.25 AS amount FROM range($produced) t(i)) TO '$work/rows.json' (FORMAT json)" >/dev/null
timed produce "$weir" produce "$project" rows --from "$work/rows.json"
produce_rate="$(awk -v n="$produced" -v s="$(median produce)" 'BEGIN { printf "%.0f", n / s }')"
echo "  weir produce, to the log itself: $produce_rate rows/s"
goal "share of weir produce's rows/s, at 10000 rows a request" "$(awk -v a="$http_rate" -v b="$produce_rate" 'BEGIN { printf "%.2f", a / b }')" '>=' 0.5

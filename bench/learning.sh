#!/usr/bin/env bash
# The batch views of projects/learning: all of them from the lake's rows, and after 1 % new events, against a DuckDB
# script over the same lake files that computes the same SQL and writes Parquet with the same threads. Its tables are
# views of the files: loading each of them once takes 2.5 times as long at 20 million events, and 9.5 GB.
# WEIR_BENCH_EVENTS: 20 million for the claim.
set -euo pipefail
# shellcheck source=bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/learning.sh
source scripts/learning.sh

events="${WEIR_BENCH_EVENTS:-1000000}"
all="$bench_data/learning-$events.jsonl"
[[ -e "$all" ]] || { "$weir" generate projects/learning events --count "$((events + events / 100))" --seed 11 --out "$all" --quiet; }
project="$work/learning"
batch_views_of_learning "$project"
mkdir -p "$work/events"
head -n "$events" "$all" >"$work/events/1.jsonl"

run=("$weir" run "$project" --lake "$work/lake" --param "events=$work/events" --param arrival_date=2026-01-01 --quiet)
sources=(auth assessment video course profile notification)
timed intake "${run[@]}" --only "${sources[@]}"
"${run[@]}" # the first results, and the system tables that one of the views reads

text_of() { sed '1,/\*\//d' "$project/views/$1.sql"; }
read_by_others() { grep -qE "(FROM|JOIN) $1\b" "$project"/views/*.sql; }

# The peer: helper relations are views, everything else is written out; what others read is a table too, and comes first.
peer_script() {
    local name
    sed 's/^--.*//' "$project/macros.sql"
    for name in "${sources[@]}"; do
        echo "CREATE TEMP VIEW $name AS SELECT * EXCLUDE (value, key) FROM read_parquet('$work/lake/$name/*/*.parquet', hive_partitioning = false);"
    done
    for name in access activity delivery enrolment work; do
        echo "CREATE TEMP VIEW $name AS $(text_of "$name");"
    done
    for name in "${views[@]}"; do
        if read_by_others "$name"; then echo "CREATE TEMP TABLE $name AS $(text_of "$name");"; fi
    done
    for name in "${views[@]}"; do
        if read_by_others "$name"; then echo "COPY $name"; else echo "COPY ($(text_of "$name"))"; fi
        echo "TO '$work/peer/$name.parquet' (FORMAT parquet, COMPRESSION zstd);"
    done
}
mapfile -t views < <(find "$project/views" -name '*.sql' -printf '%f\n' | sed 's/\.sql$//' |
    grep -vE '^(access|activity|delivery|enrolment|work|quality_counters)$' | sort)
mkdir -p "$work/peer"
peer_script >"$work/peer.sql"

for ((i = 0; i < repeats; i++)); do
    timed duckdb_full build/release/duckdb_run "$threads" "$(cat "$work/peer.sql")"
    timed weir_full "${run[@]}" --full
done
echo "== $events events, ${#views[@]} views"
report intake
report duckdb_full
report weir_full
differ=0
for name in "${views[@]}"; do
    ours="$(duckdb_sql "SELECT count(*), sum(hash(v::VARCHAR)) FROM read_parquet('$work/peer/$name.parquet') v")"
    "$weir" sql --lake "$work/lake" "from $name" --format parquet --out "$work/ours.parquet" --quiet >/dev/null 2>&1
    theirs="$(duckdb_sql "SELECT count(*), sum(hash(v::VARCHAR)) FROM read_parquet('$work/ours.parquet') v")"
    [[ "$ours" == "$theirs" ]] || { echo "  $name differs from the peer's" >&2; differ=1; }
done
[[ "$differ" -eq 0 ]] || exit 1
echo "  every view agrees with the peer's"
goal "full recomputation as a multiple of DuckDB's" "$(ratio weir_full duckdb_full)" '<=' 1.1

# 1 % more events, taken in first: only the views are timed.
tail -n "$((events / 100))" "$all" >"$work/events/2.jsonl"
"${run[@]}" --only "${sources[@]}"
timed weir_increment "${run[@]}"
report weir_increment
goal "1 % new events as a share of the full time" "$(ratio weir_increment weir_full)" '<=' 0.05

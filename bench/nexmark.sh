#!/usr/bin/env bash
# Nexmark over bids: from one Parquet file, and the same bids from a topic of the log, → contract → Delta → one query as a
# view, published. Peer: DuckDB that runs the view's own text over the Parquet file and writes Parquet; it has no contract,
# no lake, and starts from nothing each time. WEIR_BENCH_BIDS: 10 million for the claim. WEIR_BENCH_QUERIES: which.
set -euo pipefail
# shellcheck source=bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

bids="${WEIR_BENCH_BIDS:-1000000}"
repeats="${WEIR_BENCH_REPEATS:-3}"
read -r -a queries <<<"${WEIR_BENCH_QUERIES:-q1 q2 q5 q7 q11 q15 q16 q17}"
json="$bench_data/nexmark-$bids.jsonl" parquet="$bench_data/nexmark-$bids.parquet"
if [[ ! -e "$parquet" ]]; then
    # Of 50 events 46 are bids.
    "$weir" generate projects/nexmark events --count "$(((bids + 45) / 46 * 50))" --seed 7 --out "$work/events.jsonl" --quiet
    grep -E '^\{"event": ?"bid"' "$work/events.jsonl" | head -n "$bids" >"$work/bids.jsonl"
    duckdb_sql "COPY (SELECT auction, bidder, price, channel, url, dateTime, extra FROM read_json('$work/bids.jsonl', format = 'newline_delimited',
        columns = {auction: 'BIGINT', bidder: 'BIGINT', price: 'BIGINT', channel: 'VARCHAR', url: 'VARCHAR', dateTime: 'TIMESTAMP', extra: 'VARCHAR'}))
        TO '$parquet.tmp' (FORMAT parquet)"
    mv "$work/bids.jsonl" "$json"
    mv "$parquet.tmp" "$parquet"
fi

# A project of the bids and one query.
project_of() { # QUERY
    local project="$work/$1"
    mkdir -p "$project/sources" "$project/contracts" "$project/views"
    cp projects/nexmark/macros.sql "$project/"
    cp projects/nexmark/contracts/bid.odcs.yaml "$project/contracts/"
    cp "projects/nexmark/views/$1.sql" "$project/views/"
    printf '%s\n' 'name: nexmark' 'zone: UTC' "engine: {threads: $threads, memory: 2GB}" "log: {path: $work/log, sync: never}" \
        'params: {from: {type: choice, choices: [files, log], default: files}}' >"$project/weir.yaml"
    # shellcheck disable=SC2016
    printf '%s\n' 'from: ${param:from}' "files: $parquet" 'format: parquet' 'log: bids' 'contract: bid' >"$project/sources/bid.yaml"
}
text_of() { sed '1,/\*\//d' "projects/nexmark/views/$1.sql"; }
result() { duckdb_sql "SELECT count(*), sum(hash(v::VARCHAR)) FROM read_parquet('$1') v"; }
rate() { awk -v rows="$bids" -v seconds="$(median "$1")" 'BEGIN { printf "%.2f", rows / seconds / 1e6 }'; }

for query in "${queries[@]}"; do project_of "$query"; done
"$weir" produce "$work/${queries[0]}" bids --from "$json" --partitions 4 --quiet
echo "== $bids bids; M bids a second, in brackets peak MiB"
printf '  %-5s %18s %18s %18s\n' query 'DuckDB, Parquet' 'weir, Parquet' 'weir, log'
for query in "${queries[@]}"; do
    for ((i = 0; i < repeats; i++)); do
        timed "$query.duckdb" build/release/duckdb_run "$threads" "$(grep -v '^--' projects/nexmark/macros.sql)
            CREATE TEMP VIEW bid AS FROM read_parquet('$parquet'); COPY ($(text_of "$query")) TO '$work/peer.parquet' (FORMAT parquet, COMPRESSION zstd);"
        for from in files log; do
            rm -rf "$work/lake-$from"
            timed "$query.$from" "$weir" run "$work/$query" --lake "$work/lake-$from" --param "from=$from" --quiet
        done
    done
    for from in files log; do
        "$weir" sql "$work/$query" --lake "$work/lake-$from" "FROM $query" --format parquet --out "$work/ours.parquet" --quiet >/dev/null
        [[ "$(result "$work/ours.parquet")" == "$(result "$work/peer.parquet")" ]] || { echo "bench: $query from $from differs from DuckDB's" >&2; exit 1; }
    done
    printf '  %-5s' "$query"
    for who in duckdb files log; do printf ' %11s (%4d)' "$(rate "$query.$who")" "$(($(peak "$query.$who") / 1024))"; done
    echo
done
echo "  every result agrees with DuckDB's"

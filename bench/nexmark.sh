#!/usr/bin/env bash
# Nexmark over bids: from one Parquet file, and the same bids from a topic of the log, → contract → Delta → one query as a
# view, published. Peer: DuckDB that runs the view's own text over the Parquet file and writes Parquet; it has no contract,
# no lake, and starts from nothing each time. WEIR_BENCH_BIDS: 10 million for the claim. WEIR_BENCH_QUERIES: which.
set -euo pipefail
export WEIR_BENCH_REPEATS="${WEIR_BENCH_REPEATS:-3}"
# shellcheck source=bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/nexmark.sh
source scripts/nexmark.sh

nexmark_bids
for query in "${queries[@]}"; do project_of "$query"; done
"$weir" produce "$work/${queries[0]}" bids --from "$json" --partitions 4 --quiet
echo "== $bids bids; M bids a second, in brackets peak MiB"
printf '  %-5s %18s %18s %18s\n' query 'DuckDB, Parquet' 'weir, Parquet' 'weir, log'
for query in "${queries[@]}"; do
    for ((i = 0; i < repeats; i++)); do
        timed "$query.duckdb" build/release/duckdb_run "$threads" "$(peer_sql "$query" "$parquet" "$work/peer.parquet")"
        for from in files log; do timed_run "$query" "$from"; done
    done
    for from in files log; do check_run "$query" "$from" "$work/peer.parquet"; done
    printf '  %-5s' "$query"
    for who in duckdb files log; do printf ' %11s (%4d)' "$(rate "$query.$who")" "$(mib "$query.$who")"; done
    echo
done
echo "  every result agrees with DuckDB's"

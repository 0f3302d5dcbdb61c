#!/usr/bin/env bash
# Files → contract → Delta, against DuckDB's own COPY (read_csv or read_json) TO parquet (zstd) with the same threads.
# 8 mixed columns, 0.1 % dirt, 2 ranges, 1 pattern, 1 enumeration. WEIR_BENCH_ROWS: 20 million for the claim.
set -euo pipefail
# shellcheck source=bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

rows="${WEIR_BENCH_ROWS:-5000000}"
csv="$bench_data/intake-$rows.csv"
json="$bench_data/intake-$rows.ndjson"

[[ -e "$csv" ]] || { duckdb_sql "COPY ($(orders_rows "$rows")) TO '$csv.tmp' (FORMAT csv, HEADER)" && mv "$csv.tmp" "$csv"; }
orders_json "$rows" "$json"

project="$work/project"
mkdir -p "$project/sources" "$project/contracts"
cat >"$project/weir.yaml" <<YAML
name: intake
engine: {threads: $threads, memory: 800MB}
params: {input: {type: path}}
YAML
orders_contract none >"$project/contracts/orders.odcs.yaml"

types="{'id': 'BIGINT', 'user_name': 'VARCHAR', 'quantity': 'BIGINT', 'price': 'DECIMAL(10,2)', 'state': 'VARCHAR', 'ordered_at': 'TIMESTAMPTZ', 'ship_on': 'DATE', 'gift': 'BOOLEAN'}"
rules="regexp_full_match(user_name, 'user-[0-9]{6}') AND quantity BETWEEN 0 AND 1000 AND price >= 0 AND state IN ('new', 'paid', 'sent', 'done')"
sums="count(*) || '/' || sum(id) || '/' || sum(price) || '/' || sum(quantity) || '/' || sum(epoch(ordered_at)::BIGINT)"

one_format() { # NAME FILE READER
    printf 'files: ${param:input}\nformat: %s\ncontract: orders\narrival_date: "2024-12-31"\n' "$1" >"$project/sources/orders.yaml"
    local i
    for ((i = 0; i < repeats; i++)); do
        rm -rf "$work/peer.parquet" "$work/lake"
        timed "duckdb_$1" build/release/duckdb_run "$threads" "COPY (FROM $3) TO '$work/peer.parquet' (FORMAT parquet, COMPRESSION zstd)"
        timed "weir_$1" "$weir" run "$project" --lake "$work/lake" --param "input=$2" --quiet
    done
    echo "== $1: $rows rows, $(($(stat -c %s "$2") >> 20)) MiB"
    report "duckdb_$1"
    report "weir_$1"
    same "the sum of the accepted rows" "$("$weir" sql "$project" --lake "$work/lake" --param "input=$2" --format csv "SELECT $sums AS s FROM orders" | tail -n 1)" \
        "$(duckdb_sql "SELECT $sums FROM '$work/peer.parquet' WHERE $rules")"
    goal "speed as a share of DuckDB's ($1)" "$(ratio "duckdb_$1" "weir_$1")" '>=' 0.8
    goal "peak memory in MiB ($1)" "$(($(peak "weir_$1") / 1024))" '<=' 1024
}

one_format csv "$csv" "read_csv('$csv', header = true, columns = $types, store_rejects = true)"
one_format ndjson "$json" "read_json('$json', format = 'newline_delimited', columns = $types, ignore_errors = true)"

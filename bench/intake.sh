#!/usr/bin/env bash
# Files → contract → Delta, against DuckDB's own COPY (read_csv or read_json) TO parquet (zstd) with the same threads.
# 8 mixed columns, 0.1 % dirt, 2 ranges, 1 pattern, 1 enumeration. WEIR_BENCH_ROWS: 20 million for the claim.
set -euo pipefail
# shellcheck source=bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

rows="${WEIR_BENCH_ROWS:-5000000}"
csv="$bench_data/intake-$rows.csv"
json="$bench_data/intake-$rows.ndjson"

# One row in 1000 is dirty: a text where a number belongs, a value out of range, a broken pattern, an unknown word.
make_rows="SELECT i AS id,
    'user-' || lpad((hash(i, 1) % 1000000)::VARCHAR, 6, '0') || CASE WHEN i % 4000 = 1 THEN '!' ELSE '' END AS user_name,
    CASE WHEN i % 4000 = 2 THEN 'many' ELSE (hash(i, 2) % 100)::VARCHAR END AS quantity,
    CASE WHEN i % 4000 = 3 THEN -1.5 ELSE ((hash(i, 3) % 1000000) / 100)::DECIMAL(10, 2) END AS price,
    CASE WHEN i % 4000 = 4 THEN 'stolen' ELSE ['new', 'paid', 'sent', 'done'][1 + (hash(i, 4) % 4)::INT] END AS state,
    strftime(TIMESTAMP '2024-01-01' + to_seconds((hash(i, 5) % 31536000)::BIGINT), '%Y-%m-%dT%H:%M:%SZ') AS ordered_at,
    (DATE '2024-01-01' + (hash(i, 6) % 365)::INT) AS ship_on,
    CASE WHEN hash(i, 7) % 2 = 0 THEN 'true' ELSE 'false' END AS gift
    FROM range($rows) t(i)"
[[ -e "$csv" ]] || { duckdb_sql "COPY ($make_rows) TO '$csv.tmp' (FORMAT csv, HEADER)" && mv "$csv.tmp" "$csv"; }
[[ -e "$json" ]] || { duckdb_sql "COPY (SELECT * REPLACE (CASE WHEN quantity = 'many' THEN '\"many\"' ELSE quantity END::JSON AS quantity, (gift = 'true') AS gift) FROM ($make_rows)) TO '$json.tmp' (FORMAT json)" && mv "$json.tmp" "$json"; }

project="$work/project"
mkdir -p "$project/sources" "$project/contracts"
cat >"$project/weir.yaml" <<YAML
name: intake
engine: {threads: $threads, memory: 800MB}
params: {input: {type: path}}
YAML
cat >"$project/contracts/orders.odcs.yaml" <<'YAML'
apiVersion: v3.1.0
kind: DataContract
id: bench-orders
version: "1.0.0"
status: active
schema:
- name: orders
  logicalType: object
  customProperties:
  - {property: deduplicate, value: none}
  properties:
  - {name: id, logicalType: integer, required: true}
  - {name: user_name, logicalType: string, logicalTypeOptions: {pattern: "^user-[0-9]{6}$"}}
  - {name: quantity, logicalType: integer, logicalTypeOptions: {minimum: 0, maximum: 1000}}
  - {name: price, logicalType: number, physicalType: "decimal(10,2)", logicalTypeOptions: {minimum: 0}}
  - name: state
    logicalType: string
    quality:
    - {id: known_state, metric: invalidValues, arguments: {validValues: [new, paid, sent, done]}, mustBe: 0}
  - {name: ordered_at, logicalType: timestamp}
  - {name: ship_on, logicalType: date}
  - {name: gift, logicalType: boolean}
YAML

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

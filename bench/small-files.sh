#!/usr/bin/env bash
# One small CSV per student → contract → Delta, against DuckDB's own read of the glob → Parquet. 440 rows a file.
# WEIR_BENCH_FILES: which numbers of files; the price per file must not grow with their number.
set -euo pipefail
# shellcheck source=bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

project="$work/project"
mkdir -p "$project/sources" "$project/contracts"
cat >"$project/weir.yaml" <<YAML
name: students
engine: {threads: $threads, memory: 800MB}
params: {input: {type: path}}
YAML
printf 'files: ${param:input}/u{user_id:int}.csv\nformat: csv\ncontract: answers\narrival_date: "2024-12-31"\n' >"$project/sources/answers.yaml"
cat >"$project/contracts/answers.odcs.yaml" <<'YAML'
apiVersion: v3.1.0
kind: DataContract
id: bench-answers
version: "1.0.0"
status: active
schema:
- name: answers
  logicalType: object
  customProperties:
  - {property: deduplicate, value: none}
  properties:
  - {name: timestamp, logicalType: integer, required: true}
  - {name: solving_id, logicalType: integer, required: true}
  - {name: question_id, logicalType: string, logicalTypeOptions: {pattern: "^q[0-9]+$"}}
  - name: user_answer
    logicalType: string
    quality:
    - {id: a_to_d, metric: invalidValues, arguments: {validValues: [a, b, c, d]}, mustBe: 0}
  - {name: elapsed_time, logicalType: integer, logicalTypeOptions: {minimum: 0}}
  - {name: user_id, logicalType: integer, required: true}
YAML

make_files() { # NUMBER FOLDER
    [[ -e "$2/.whole" ]] && return
    mkdir -p "$2"
    duckdb_sql "COPY (SELECT i // 440 AS user_id, 1550000000000 + i * 1000 AS timestamp, i % 440 AS solving_id,
        'q' || (hash(i, 1) % 13000) AS question_id, ['a', 'b', 'c', 'd'][1 + (hash(i, 2) % 4)::INT] AS user_answer,
        hash(i, 3) % 90000 AS elapsed_time FROM range($1 * 440) t(i)) TO '$2/all' (FORMAT csv, HEADER false)"
    awk -F, -v folder="$2" 'NR == 1 || $1 != last { if (file) close(file); last = $1; file = folder "/u" $1 ".csv"
        print "timestamp,solving_id,question_id,user_answer,elapsed_time" >file }
        { print substr($0, length($1) + 2) >file }' "$2/all"
    rm "$2/all"
    touch "$2/.whole"
}

read -ra numbers <<<"${WEIR_BENCH_FILES:-5000 20000}"
for number in "${numbers[@]}"; do
    folder="$bench_data/students-$number"
    make_files "$number" "$folder"
    for ((i = 0; i < repeats; i++)); do
        rm -rf "$work/peer.parquet" "$work/lake"
        timed "duckdb_$number" build/release/duckdb_run "$threads" "COPY (FROM read_csv('$folder/u*.csv', filename = true)) TO '$work/peer.parquet' (FORMAT parquet, COMPRESSION zstd)"
        timed "weir_$number" "$weir" run "$project" --lake "$work/lake" --param "input=$folder" --quiet
    done
    echo "== $number files, $((number * 440)) rows"
    report "duckdb_$number"
    report "weir_$number"
    sums="count(*) || '/' || sum(timestamp) || '/' || sum(elapsed_time)"
    same "the sum of the rows" "$("$weir" sql "$project" --lake "$work/lake" --param "input=$folder" --format csv "SELECT $sums AS s FROM answers" | tail -n 1)" \
        "$(duckdb_sql "SELECT $sums FROM '$work/peer.parquet'")"
    goal "time as a multiple of DuckDB's" "$(ratio "weir_$number" "duckdb_$number")" '<=' 1.3
done
if [[ ${#numbers[@]} -gt 1 ]]; then
    first="${numbers[0]}" last="${numbers[-1]}"
    goal "time per file, $last files against $first" \
        "$(awk -v a="$(median "weir_$last")" -v b="$(median "weir_$first")" -v n="$last" -v m="$first" 'BEGIN { printf "%.2f", (a / n) / (b / m) }')" '<=' 1.1
fi

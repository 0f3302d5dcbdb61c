# What the scripts here share. Sourced.
# shellcheck shell=bash
# shellcheck disable=SC2034
#
# A script makes its data (a fixed seed, kept in build/bench/), runs the peer and us alternately on the same bytes, checks
# that the results agree, and prints medians, the ratio and peak memory. WEIR_BENCH_REPEATS says how often (5).

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
weir="${WEIR:-$PWD/build/release/weir}"
repeats="${WEIR_BENCH_REPEATS:-5}"
threads="${WEIR_BENCH_THREADS:-$(nproc)}"
bench_data="$PWD/build/bench"
mkdir -p "$bench_data"
command -v /usr/bin/time >/dev/null || { echo "bench: GNU time is missing; run ./dev bench" >&2; exit 1; }
cmake --build --preset release --target duckdb_run >/dev/null
work="$(mktemp -d "$bench_data/work.XXXXXX")"
trap 'rm -rf "$work"' EXIT

# The plain DuckDB that weir has inside, for data and as the peer: one statement list, rows as CSV without a header.
duckdb_sql() { build/release/duckdb_run "$threads" "$1"; }

# timed NAME COMMAND…: appends "seconds KiB" to the samples of NAME.
timed() {
    local name="$1" before after
    shift
    before="$EPOCHREALTIME"
    /usr/bin/time -q -o "$work/time" -f '%M' "$@" >"$work/out" 2>"$work/err" || {
        echo "bench: '$*' failed:" >&2
        tail -n 20 "$work/err" >&2
        exit 1
    }
    after="$EPOCHREALTIME"
    echo "$(awk -v a="$after" -v b="$before" 'BEGIN { printf "%.4f", a - b }') $(tail -n 1 "$work/time")" >>"$work/samples.$name"
}

median() { cut -d' ' -f1 "$work/samples.$1" | sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
peak() { cut -d' ' -f2 "$work/samples.$1" | sort -n | tail -n 1; }

# report NAME: median seconds, smallest and largest, peak memory.
report() {
    local low high
    low="$(cut -d' ' -f1 "$work/samples.$1" | sort -n | head -n 1)"
    high="$(cut -d' ' -f1 "$work/samples.$1" | sort -n | tail -n 1)"
    printf '  %-22s median %8.3f s   (%.3f … %.3f)   peak %6d MiB\n' "$1" "$(median "$1")" "$low" "$high" "$(($(peak "$1") / 1024))"
}

# ratio A B: how many times as long A takes as B.
ratio() { awk -v a="$(median "$1")" -v b="$(median "$2")" 'BEGIN { printf "%.2f", a / b }'; }

# goal TEXT VALUE OPERATOR BOUND: says whether it is reached; never hides that it is not.
goal() {
    awk -v text="$1" -v value="$2" -v operator="$3" -v bound="$4" 'BEGIN {
        good = operator == "<=" ? value <= bound : value >= bound
        printf "  %s: %s (goal %s %s): %s\n", text, value, operator, bound, good ? "reached" : "MISSED"
    }'
}

# same WHAT OURS THEIRS: the results have to agree, or the comparison means nothing.
same() {
    if [[ "$2" != "$3" ]]; then
        echo "bench: $1 differs: ours '$2', theirs '$3'" >&2
        exit 1
    fi
    echo "  $1 agrees: $2"
}

echo "  $(nproc) cores, $threads threads, $repeats repeats, load before: $(cut -d' ' -f1 /proc/loadavg)"

# orders_rows ROWS [COLUMN…]: a SELECT of mixed rows, all as text where dirt has to fit in. One row in 1000 is dirty: a text
# where a number belongs, a value out of range, a broken pattern, an unknown word.
orders_rows() {
    local rows="$1" extra=""
    shift
    for column in "$@"; do extra+=", $column"; done
    cat <<SQL
SELECT i AS id,
    'user-' || lpad((hash(i, 1) % 1000000)::VARCHAR, 6, '0') || CASE WHEN i % 4000 = 1 THEN '!' ELSE '' END AS user_name,
    CASE WHEN i % 4000 = 2 THEN 'many' ELSE (hash(i, 2) % 100)::VARCHAR END AS quantity,
    CASE WHEN i % 4000 = 3 THEN -1.5 ELSE ((hash(i, 3) % 1000000) / 100)::DECIMAL(10, 2) END AS price,
    CASE WHEN i % 4000 = 4 THEN 'stolen' ELSE ['new', 'paid', 'sent', 'done'][1 + (hash(i, 4) % 4)::INT] END AS state,
    strftime(TIMESTAMP '2024-01-01' + to_seconds((hash(i, 5) % 31536000)::BIGINT), '%Y-%m-%dT%H:%M:%SZ') AS ordered_at,
    (DATE '2024-01-01' + (hash(i, 6) % 365)::INT) AS ship_on,
    CASE WHEN hash(i, 7) % 2 = 0 THEN 'true' ELSE 'false' END AS gift$extra
    FROM range($rows) t(i)
SQL
}

# orders_json ROWS FILE [COLUMN…]: those rows as lines of JSON, made once.
orders_json() {
    local rows="$1" file="$2"
    shift 2
    [[ -e "$file" ]] && return
    duckdb_sql "COPY (SELECT * REPLACE (CASE WHEN quantity = 'many' THEN '\"many\"' ELSE quantity END::JSON AS quantity,
        (gift = 'true') AS gift) FROM ($(orders_rows "$rows" "$@"))) TO '$file.tmp' (FORMAT json)"
    mv "$file.tmp" "$file"
}

# orders_topic_project [LINE…]: those rows as messages, WEIR_BENCH_ROWS (5 million) of them in `json`, and a `project` whose
# weir.yaml has these lines too. Sets rows, json and project; the source and the contract are still to be written.
orders_topic_project() {
    rows="${WEIR_BENCH_ROWS:-5000000}"
    json="$bench_data/intake-log-$rows.ndjson"
    orders_json "$rows" "$json" "md5(i::VARCHAR) AS session"
    project="$work/project"
    mkdir -p "$project/sources" "$project/contracts"
    printf '%s\n' 'name: intake' "engine: {threads: $threads, memory: 400MB}" "log: {path: $work/log, sync: never}" "$@" >"$project/weir.yaml"
}

# start_up COMMAND…: a `weir up` in the background, on any free port, until it serves. Sets server (its process) and url;
# whoever calls ends it. What it says is in $work/up.err.
start_up() {
    : >"$work/up.err"
    "$@" --listen 127.0.0.1:0 2>>"$work/up.err" &
    server=$!
    url=""
    local look
    for ((look = 0; look < 12000; look++)); do
        url="$(sed -n 's/.*serving at \(http[^"[:space:]]*\).*/\1/p' "$work/up.err" | head -n 1)"
        [[ -n "$url" ]] && return
        kill -0 "$server" 2>/dev/null || break
        sleep 0.01
    done
    echo "bench: '$*' does not serve:" >&2
    tail -n 20 "$work/up.err" >&2
    exit 1
}

# until_ready: until the published views are in the serving store of what start_up began.
until_ready() {
    local look
    for ((look = 0; look < 60000; look++)); do
        curl -sf -o "$work/ready" "$url/readyz" && return
        kill -0 "$server" 2>/dev/null || break
        sleep 0.01
    done
    echo "bench: $url is not ready: $(cat "$work/ready")" >&2
    exit 1
}

# Ends what start_up began.
stop_up() {
    kill "$server"
    wait "$server" || true
}

# memory_of PROCESS FIELD: MiB by /proc (VmRSS now, VmHWM at most).
memory_of() { awk -v field="$2:" '$1 == field { printf "%d", $2 / 1024 }' "/proc/$1/status"; }

# orders_topic_contract DEDUPLICATE: the contract of those rows, with a session, as messages of a topic.
orders_topic_contract() {
    orders_contract "$1" "name: session, logicalType: string" "name: _partition, logicalType: integer" \
        "name: _offset, logicalType: integer"
}

# orders_contract DEDUPLICATE [PROPERTY…]: the contract of those rows.
orders_contract() {
    local deduplicate="$1"
    shift
    cat <<YAML
apiVersion: v3.1.0
kind: DataContract
id: bench-orders
version: "1.0.0"
status: active
schema:
- name: orders
  logicalType: object
  customProperties:
  - {property: deduplicate, value: $deduplicate}
  properties:
  - {name: id, logicalType: integer, required: true}
  - {name: user_name, logicalType: string, logicalTypeOptions: {pattern: "^user-[0-9]{6}\$"}}
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
    for property in "$@"; do echo "  - {$property}"; done
}

# http_project 'NAME: TYPE, …': a `project` in $work whose source t reads the topic `rows` of the log with these columns, and
# that topic. Rows that are acknowledged are on the disk.
http_project() {
    local column
    project="$work/p"
    mkdir -p "$project"/{sources,contracts,views}
    printf '%s\n' 'name: bench' "log: {path: $work/log, sync: always}" 'engine: {memory: 2GB}' >"$project/weir.yaml"
    printf '%s\n' 'log: rows' 'contract: t' >"$project/sources/t.yaml"
    printf '%s\n' 'apiVersion: v3.1.0' 'kind: DataContract' 'id: t' 'version: "1.0.0"' 'status: active' 'schema:' \
        '- name: t' '  logicalType: object' '  properties:' >"$project/contracts/t.odcs.yaml"
    while IFS= read -r -d, column; do
        echo "  - {name: ${column%%:*}, logicalType: ${column##*: }}" | sed 's/name:  */name: /' >>"$project/contracts/t.odcs.yaml"
    done <<<"$1,"
    "$weir" topic create "$project" rows >/dev/null
}

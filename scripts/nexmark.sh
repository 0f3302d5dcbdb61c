# Bids of Nexmark as files, and each query of projects/nexmark as a project of its own, for the benchmarks. Sourced after
# bench/lib.sh. WEIR_BENCH_BIDS: 10 million for the claims. WEIR_BENCH_QUERIES: which.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154

bids="${WEIR_BENCH_BIDS:-1000000}"
read -r -a queries <<<"${WEIR_BENCH_QUERIES:-q1 q2 q5 q7 q11 q15 q16 q17}"
json="$bench_data/nexmark-$bids.jsonl" parquet="$bench_data/nexmark-$bids.parquet"

# The same bids in `json` and in `parquet`, made once.
nexmark_bids() {
    [[ -e "$parquet" ]] && return
    # Of 50 events 46 are bids.
    "$weir" generate projects/nexmark events --count "$(((bids + 45) / 46 * 50))" --seed 7 --out "$work/events.jsonl" --quiet
    grep -E '^\{"event": ?"bid"' "$work/events.jsonl" | head -n "$bids" >"$work/bids.jsonl"
    duckdb_sql "COPY (SELECT auction, bidder, price, channel, url, dateTime, extra FROM read_json('$work/bids.jsonl', format = 'newline_delimited',
        columns = {auction: 'BIGINT', bidder: 'BIGINT', price: 'BIGINT', channel: 'VARCHAR', url: 'VARCHAR', dateTime: 'TIMESTAMP', extra: 'VARCHAR'}))
        TO '$parquet.tmp' (FORMAT parquet)"
    mv "$work/bids.jsonl" "$json"
    mv "$parquet.tmp" "$parquet"
}

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

# timed_run QUERY FROM: a run of its project into a new lake.
timed_run() {
    rm -rf "$work/lake-$2"
    timed "$1.$2" "$weir" run "$work/$1" --lake "$work/lake-$2" --param "from=$2" --quiet
}

# What DuckDB has to do for QUERY over the bids of FILE, into the file OUT.
peer_sql() { # QUERY FILE OUT
    echo "$(grep -v '^--' projects/nexmark/macros.sql) CREATE TEMP VIEW bid AS FROM read_parquet('$2');
        COPY ($(sed '1,/\*\//d' "projects/nexmark/views/$1.sql")) TO '$3' (FORMAT parquet, COMPRESSION zstd);"
}

# A number of rows and a sum over them, whatever their order.
result() { duckdb_sql "SELECT count(*), sum(hash(v::VARCHAR)) FROM read_parquet('$1') v"; }

# check_run QUERY FROM EXPECTED: the view of the last such run has the rows of that file.
check_run() {
    "$weir" sql "$work/$1" --lake "$work/lake-$2" "FROM $1" --format parquet --out "$work/ours.parquet" --quiet >/dev/null
    [[ "$(result "$work/ours.parquet")" == "$(result "$3")" ]] || { echo "bench: $1 from $2 differs from DuckDB's" >&2; exit 1; }
}

# Millions of bids a second, and the peak in MiB.
rate() { awk -v rows="$bids" -v seconds="$(median "$1")" 'BEGIN { printf "%.2f", rows / seconds / 1e6 }'; }
mib() { echo "$(($(peak "$1") / 1024))"; }

#!/usr/bin/env bash
# Nexmark over bids by weir, as in nexmark.sh from a Parquet file, and by Apache Flink as SQL over a stream with event time: with
# state on the heap and no checkpoints, and with state in RocksDB and a checkpoint every 5 s. weir's time is that of a whole
# process, with contract, lake and published view. Flink's goes from submission, with planning, to the job's end, in a JVM that
# runs and has computed the query before, and its results are dropped; by its own clock the job's alone is printed besides.
# Flink reads a file in one thread, so the rows are dealt out to a file for each thread. Flink comes from PyPI, what it reads
# Parquet with from Maven Central. WEIR_BENCH_BIDS: 10 million for the claim. WEIR_BENCH_FLINK_HEAP: of the JVM.
set -euo pipefail
export WEIR_BENCH_REPEATS="${WEIR_BENCH_REPEATS:-3}"
# shellcheck source=bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/nexmark.sh
source scripts/nexmark.sh

flink_version=1.20.1
flink_environment=build/bench/flink
flink_jars="$PWD/.deps/flink-parquet-$flink_version"
flink_heap="${WEIR_BENCH_FLINK_HEAP:-6g}"
skip() {
    echo "  skipped: $1"
    exit 0
}

java -version 2>&1 | grep -qE 'version "(11|17)\.' || skip "there is no Java 11 or 17, which Flink $flink_version needs (java -version)"
command -v mvn >/dev/null || skip "mvn is not installed"
python3 -m venv --help >/dev/null 2>&1 || skip "python3 with venv is not installed"
if [[ "$(cat "$flink_environment/.whole" 2>/dev/null)" != "$flink_version" ]]; then
    rm -rf "$flink_environment"
    { python3 -m venv "$flink_environment" && timeout 900 "$flink_environment/bin/pip" install --quiet --retries 1 --timeout 60 \
        "apache-flink==$flink_version"; } >"$work/flink.log" 2>&1 ||
        skip "apache-flink $flink_version could not be installed from PyPI: $(tail -n 1 "$work/flink.log")"
    echo "$flink_version" >"$flink_environment/.whole"
fi
if [[ ! -e "$flink_jars/complete" ]]; then
    cat >"$work/pom.xml" <<XML
<project>
  <modelVersion>4.0.0</modelVersion><groupId>weir</groupId><artifactId>flink</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.flink</groupId><artifactId>flink-parquet</artifactId><version>$flink_version</version></dependency>
    <dependency><groupId>org.apache.hadoop</groupId><artifactId>hadoop-client-runtime</artifactId><version>3.3.6</version></dependency>
  </dependencies>
</project>
XML
    timeout 600 mvn -q -B -f "$work/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
        -DoutputDirectory="$work/jars" -DincludeScope=runtime >"$work/flink.log" 2>&1 ||
        skip "flink-parquet could not be fetched from Maven Central: $(grep -m1 ERROR "$work/flink.log" || tail -n 1 "$work/flink.log")"
    touch "$work/jars/complete"
    mkdir -p .deps
    rm -rf "$flink_jars"
    mv -T "$work/jars" "$flink_jars"
fi

# Deals the first so many bids out to a file for each thread, in their order.
deal() { # BIDS FOLDER
    local part
    mkdir "$2"
    for ((part = 0; part < threads; part++)); do
        duckdb_sql "COPY (SELECT * EXCLUDE file_row_number FROM read_parquet('$parquet', file_row_number = true)
            WHERE file_row_number < $1 AND file_row_number % $threads = $part) TO '$2/$part.parquet' (FORMAT parquet)" >/dev/null
    done
}

flink_pid=""
trap '[[ -z "$flink_pid" ]] || { kill "$flink_pid"; wait "$flink_pid" || true; }; rm -rf "$work"' EXIT

# The query in one JVM, which ends after an hour at the latest: over the sample, compared with what DuckDB says of it, then for time.
flink() { # SETTING QUERY
    local flink_work="$work/flink.$1.$2"
    mkdir "$flink_work"
    HADOOP_CLASSPATH="$flink_jars/*" JVM_ARGS="-Xmx$flink_heap" FLINK_LOG_DIR="$flink_work" timeout --kill-after 10 3600 \
        "$flink_environment/bin/python" bench/nexmark_flink.py "$1" "$2" "$repeats" "$threads" \
        "$work/sample" "$work/bids" "$flink_work" >"$work/out" 2>"$work/err" &
    flink_pid=$!
    wait "$flink_pid" || {
        flink_pid=""
        echo "bench: $2 by Flink, $1, failed:" >&2
        tail -n 20 "$work/err" >&2
        exit 1
    }
    flink_pid=""
    [[ "$(result "$flink_work/rows.parquet")" == "$(result "$work/sample.$2.parquet")" ]] || {
        echo "bench: $2 by Flink, $1, differs from DuckDB's" >&2
        exit 1
    }
    cp "$flink_work/samples" "$work/samples.$2.$1"
    cut -d' ' -f3 "$flink_work/samples" >"$work/samples.$2.$1-job"
}

# ratios WHO: how many times as long each query takes there as in weir, one a line.
ratios() { for query in "${queries[@]}"; do echo "$(ratio "$query.$1" "$query.files")"; done; }
mean() { ratios "$1" | awk '{ sum += log($1) } END { printf "%.2f", exp(sum / NR) }'; }
least() { ratios "$1" | sort -n | head -n 1; }

nexmark_bids
sample=$((bids < 200000 ? bids : 200000))
deal "$sample" "$work/sample"
deal "$bids" "$work/bids"
echo "== $bids bids; M bids a second, in brackets peak MiB; Flink $flink_version, $threads threads, heap up to $flink_heap"
printf '  %-5s %15s %18s %18s %12s %12s\n' query weir 'Flink, heap' 'Flink, RocksDB' 'weir / heap' '/ RocksDB'
for query in "${queries[@]}"; do
    project_of "$query"
    duckdb_sql "$(peer_sql "$query" "$parquet" "$work/peer.parquet")" >/dev/null
    duckdb_sql "$(peer_sql "$query" "$work/sample/*.parquet" "$work/sample.$query.parquet")" >/dev/null
    for ((i = 0; i < repeats; i++)); do timed_run "$query" files; done
    check_run "$query" files "$work/peer.parquet"
    for setting in heap rocksdb; do flink "$setting" "$query"; done
    printf '  %-5s %8s (%4d) %11s (%4d) %11s (%4d) %12s %12s\n' "$query" "$(rate "$query.files")" "$(mib "$query.files")" \
        "$(rate "$query.heap")" "$(mib "$query.heap")" "$(rate "$query.rocksdb")" "$(mib "$query.rocksdb")" \
        "$(ratio "$query.heap" "$query.files")" "$(ratio "$query.rocksdb" "$query.files")"
done
echo "  weir's results agree with DuckDB's; so do Flink's, of the first $sample bids"
echo "  by Flink's own clock, without planning and the start of its cluster:"
for query in "${queries[@]}"; do
    printf '    %-5s weir / heap %s, weir / RocksDB %s\n' "$query" "$(ratio "$query.heap-job" "$query.files")" "$(ratio "$query.rocksdb-job" "$query.files")"
done
echo "    geometric means: weir / heap $(mean heap-job), weir / RocksDB $(mean rocksdb-job); the least: $(least heap-job), $(least rocksdb-job)"
goal "geometric mean of weir / Flink with RocksDB" "$(mean rocksdb)" '>=' 10
goal "geometric mean of weir / Flink on the heap" "$(mean heap)" '>=' 3
goal "the least of weir / Flink on the heap" "$(least heap)" '>=' 1.5

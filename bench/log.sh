#!/usr/bin/env bash
# The log alone: messages of about 200 bytes appended in batches and read again, under each policy and codec. Kafka's own
# perf tools are not run here yet, so there is no ratio.
set -euo pipefail
# shellcheck source=bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cmake --build --preset release --target log_bench >/dev/null
messages="${WEIR_BENCH_MESSAGES:-5000000}"
for policy in always interval never; do
    for codec in none lz4 zstd; do
        echo "  sync $policy, $codec, $threads partitions, $threads writers"
        /usr/bin/time -q -o "$work/time" -f '%M' build/release/log_bench "$work/log" "$messages" "$policy" "$codec" "$threads"
        printf '  peak %d MiB, %d MiB on disk\n' "$(($(cat "$work/time") / 1024))" "$(du -sm "$work/log" | cut -f1)"
        rm -rf "$work/log"
    done
done
echo "  Kafka: not compared yet"

#!/usr/bin/env bash
# The duplicate index: what a batch of 10,000 keys costs when few and when many keys are known. There is no peer: the
# claim is that the price grows little: a key looks at one line of memory in the filter of each run, and the runs are as
# many as the logarithm of the keys. With few keys the filters lie in the nearest cache, with many in memory.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cmake --build --preset release --target duplicate_index_bench >/dev/null
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
/usr/bin/time -f 'peak memory %M KiB, %e s' build/release/duplicate_index_bench "$work" 1000 1000000 "${WEIR_BENCH_KEYS:-10000000}"

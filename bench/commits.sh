#!/usr/bin/env bash
# Small commits to one table: commits per second with and without fsync, against delta-rs; opening a table of 10,000
# commits; optimize beside a running writer. delta-rs comes from PyPI; without it, its lines are skipped and it says so.
set -euo pipefail
# shellcheck source=bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cmake --build --preset release --target commits_bench >/dev/null
bench=build/release/commits_bench
count="${WEIR_BENCH_COMMITS:-200}"

middle() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

python=build/checks/delta-rs/bin/python
peer() {
    "$python" - "$1" "$count" <<'PY'
import datetime, sys, time
import pyarrow as pa
from deltalake import write_deltalake
path, count = sys.argv[1], int(sys.argv[2])
row = pa.table({"id": pa.array([1], pa.int64()), "text": ["a small row"],
                "at": pa.array([datetime.datetime(2024, 3, 1, 10, tzinfo=datetime.timezone.utc)], pa.timestamp("us", "UTC"))})
write_deltalake(path, row)
start = time.perf_counter()
for _ in range(count):
    write_deltalake(path, row, mode="append")
print(f"{count / (time.perf_counter() - start):.1f}")
PY
}

echo "== $count commits of one row, commits per second"
for ((i = 0; i < repeats; i++)); do
    rm -rf "$work/a" "$work/b" "$work/c"
    "$bench" append "$work/a" "$count" sync >>"$work/sync"
    "$bench" append "$work/b" "$count" nosync >>"$work/nosync"
    if [[ -x "$python" ]]; then peer "$work/c" >>"$work/peer"; fi
done
printf '  weir, synced to disk   %8.1f\n  weir, not synced       %8.1f\n' "$(middle <"$work/sync")" "$(middle <"$work/nosync")"
if [[ -e "$work/peer" ]]; then
    printf '  delta-rs               %8.1f   (it does not sync)\n' "$(middle <"$work/peer")"
    echo "  weir without sync / delta-rs: $(awk -v a="$(middle <"$work/nosync")" -v b="$(middle <"$work/peer")" 'BEGIN { printf "%.2f", a / b }')"
else
    echo "  delta-rs: skipped: not installed; ./dev test delta-rs installs it"
fi

echo "== opening a table of 10,000 commits"
table="$bench_data/commits-10000"
if [[ ! -e "$table.whole" ]]; then
    rm -rf "$table"
    "$bench" append "$table" 10000 nosync >/dev/null
    touch "$table.whole"
fi
read -r version milliseconds < <("$bench" open "$table")
echo "  version $version: median $milliseconds ms"
goal "opening in ms" "$milliseconds" '<=' 50

echo "== optimize beside a writer, 10 s"
read -r commits optimized < <("$bench" beside "$work/beside" 10)
echo "  $commits commits, $optimized times optimized, no failure of the writer"

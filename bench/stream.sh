#!/usr/bin/env bash
# Subscribers of a view's rows as they change: 1,000 of them, while 10,000 rows of the view change each second. What each of
# them has at the end is compared with the view. No peer: what else there is sends each subscriber what it polls.
set -euo pipefail
# shellcheck source=bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

subscribers="${WEIR_BENCH_SUBSCRIBERS:-1000}"
rate="${WEIR_BENCH_RATE:-10000}"
seconds="${WEIR_BENCH_SECONDS:-10}"
keys="${WEIR_BENCH_KEYS:-20000}"
cmake --build --preset release --target http_load >/dev/null
ulimit -n "$(ulimit -Hn)"
http_project 'id: integer, n: integer'
echo 'views: [{view: v, key: [id]}]' >"$project/serve.yaml"
echo 'SELECT id, max(n) AS n FROM t GROUP BY id' >"$project/views/v.sql"
start_up "$weir" up "$project"
trap 'kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
before="$(memory_of "$server" VmRSS)"
build/release/http_load streams "$url" rows v "$subscribers" "$rate" "$seconds" "$keys" >"$work/answer" || { cat "$work/answer"; tail -n 5 "$work/up.err"; exit 1; }
value() { awk -v name="$1" '$1 == name { print $2 }' "$work/answer"; }
same "what $subscribers subscribers have, and the view" "$(value equal)" 1
printf '  %s subscribers: all had the first rows after %s ms\n' "$subscribers" "$(value begun_ms)"
printf '  %s rows posted in %s s changed %s rows of %s: %s changes/s, each to all of them: %s MB/s\n' "$(value posted)" "$seconds" \
    "$(value changes)" "$(value rows)" "$(value changes_per_second)" "$(value mb_per_second)"
printf '  the last change was with the last subscriber %s ms behind the last row\n' "$(value behind_ms)"
echo "  server's memory: $before MiB before, at most $(memory_of "$server" VmHWM) MiB; client and server share $(nproc) cores"
goal "changes that each subscriber had, of a row posted" "$(awk -v a="$(value changes)" -v b="$(value posted)" 'BEGIN { printf "%.3f", a / b }')" '>=' 0.99
goal "behind, in ms" "$(value behind_ms)" '<=' 3000

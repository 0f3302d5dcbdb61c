#!/usr/bin/env bash
# What a person waits for: the program's start, `weir check`, the recipes project from files to report, and `weir up` on the
# learning project until the first answer of both layers; also what it takes while nothing comes. No peer runs here; the
# pipelines that these projects replace took 9.5 s for the recipes, and three minutes and 6 GB before the first event.
set -euo pipefail
# shellcheck source=bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

repeats="${WEIR_BENCH_REPEATS:-21}"
input="${WEIR_TEST_DATA:-$PWD/../shared/data}/recipes"
parameters=()
if [[ -e "$input/recipes-000.json" ]]; then
    parameters=(--param "input=$input" --param arrival_date=2024-03-01)
    echo "  recipes: the three real files"
else
    echo "  recipes: the shipped sample (the real files are not in $input)"
fi
for ((i = 0; i < repeats; i++)); do
    rm -rf "$work/lake"
    timed start "$weir" version
    timed check "$weir" check projects/recipes
    timed run "$weir" run projects/recipes --lake "$work/lake" "${parameters[@]}" --quiet
    timed run_again "$weir" run projects/recipes --lake "$work/lake" "${parameters[@]}" --quiet
done
for name in start check run run_again; do report "$name"; done
milliseconds() { awk -v s="$(median "$1")" 'BEGIN { printf "%.1f", s * 1000 }'; }

# A lake with some history, a topic that is there, and nothing published yet of what came last.
learning=(projects/learning --param from=log --log "$work/log" --lake "$work/learning")
"$weir" generate projects/learning events --count "${WEIR_BENCH_EVENTS:-20000}" --to log --log "$work/log" --param from=log --quiet >/dev/null
"$weir" run "${learning[@]}" --quiet >/dev/null
"$weir" generate projects/learning events --count 100 --seed 2 --to log --log "$work/log" --param from=log --quiet >/dev/null
starts="${WEIR_BENCH_STARTS:-5}"
idle="${WEIR_BENCH_IDLE_SECONDS:-20}"
trap 'kill "${server:-}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
cpu_of() { awk -v hertz="$(getconf CLK_TCK)" '{ print ($14 + $15) / hertz }' "/proc/$1/stat"; }
for ((n = 0; n < starts; n++)); do
    before="$EPOCHREALTIME"
    start_up "$weir" up "${learning[@]}"
    until curl -sf "$url/views/platform_daily_active_users?layer=merged" -o "$work/answer"; do sleep 0.01; done
    echo "$(awk -v a="$EPOCHREALTIME" -v b="$before" 'BEGIN { printf "%.4f", a - b }') $(($(memory_of "$server" VmHWM) * 1024))" >>"$work/samples.up"
    if ((n + 1 == starts)); then
        grep -q '"layer":"merged"' "$work/answer" || { echo "bench: no merged answer" >&2; exit 1; }
        sleep 5
        cpu="$(cpu_of "$server")"
        sleep "$idle"
        echo "  weir up on learning, idle: $(memory_of "$server" VmRSS) MiB (at most $(memory_of "$server" VmHWM)), $(awk -v a="$(cpu_of "$server")" -v b="$cpu" -v s="$idle" 'BEGIN { printf "%.1f", 100 * (a - b) / s }') % of a core"
    fi
    kill "$server"
    wait "$server"
done
report up
goal "weir up on learning to the first merged answer in ms" "$(milliseconds up)" '<=' 1000
goal "start in ms" "$(milliseconds start)" '<=' 20
goal "weir check in ms" "$(milliseconds check)" '<=' 30
goal "recipes end to end in ms" "$(milliseconds run)" '<=' 200

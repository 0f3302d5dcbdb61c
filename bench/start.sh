#!/usr/bin/env bash
# What a person waits for: the program's start, `weir check`, the recipes project from files to report. No peer runs here;
# the pipeline that this project replaces took 9.5 s for the last of them.
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
goal "start in ms" "$(milliseconds start)" '<=' 20
goal "weir check in ms" "$(milliseconds check)" '<=' 30
goal "recipes end to end in ms" "$(milliseconds run)" '<=' 200

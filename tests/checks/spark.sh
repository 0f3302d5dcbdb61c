#!/usr/bin/env bash
# The batch views of projects/learning give the same rows on Apache Spark: over the tables that weir wrote, and computed
# job by job from the raw messages. WEIR_CHECK_EVENTS says over how many events. Spark comes from PyPI.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
weir="${WEIR:-$PWD/build/release/weir}"
# shellcheck source=scripts/spark.sh
source scripts/spark.sh
# shellcheck source=scripts/learning.sh
source scripts/learning.sh
if ! spark_setup; then
    echo "skipped: $spark_missing"
    exit 0
fi

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
project="$work/learning"
batch_views_of_learning "$project"
lake=(--lake "$work/lake" --param "events=$work/events.jsonl" --param arrival_date=2026-01-01 --quiet)
"$weir" generate projects/learning events --count "${WEIR_CHECK_EVENTS:-20000}" --seed 11 --out "$work/events.jsonl" --quiet
"$weir" run "$project" "${lake[@]}"
"$weir" export "$project" "${lake[@]}" --format csv --out "$work/exported"
before="$EPOCHREALTIME"
"$weir" run "$project" "${lake[@]}" --full
seconds="$(awk -v a="$EPOCHREALTIME" -v b="$before" 'BEGIN { printf "%.3f", a - b }')"
"$spark_python" tests/checks/learning_spark.py check "$project" "$work/lake" "$work/exported" "$seconds" 2>"$work/spark.log" || {
    tail -n 20 "$work/spark.log" >&2
    exit 1
}

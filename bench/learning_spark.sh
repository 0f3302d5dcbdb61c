#!/usr/bin/env bash
# The batch views of projects/learning by weir and by Apache Spark, from the same messages: all of them from the lake's
# rows, the same SQL on Spark over the same files, and on Spark the way such systems are often run, in six jobs of a
# process each that read and parse all raw messages of their topics. `./dev test spark` shows that the rows are equal.
# WEIR_BENCH_EVENTS: 20 million for the claim.
set -euo pipefail
export WEIR_BENCH_REPEATS="${WEIR_BENCH_REPEATS:-1}" # Spark takes minutes
# shellcheck source=bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/spark.sh
source scripts/spark.sh
# shellcheck source=scripts/learning.sh
source scripts/learning.sh
if ! spark_setup; then
    echo "  skipped: $spark_missing"
    exit 0
fi

events="${WEIR_BENCH_EVENTS:-1000000}"
file="$bench_data/learning-spark-$events.jsonl"
[[ -e "$file" ]] || "$weir" generate projects/learning events --count "$events" --seed 11 --out "$file" --quiet
project="$work/learning"
batch_views_of_learning "$project"
run=("$weir" run "$project" --lake "$work/lake" --param "events=$file" --param arrival_date=2026-01-01 --quiet)
spark=("$spark_python" tests/checks/learning_spark.py)
timed weir_intake "${run[@]}" --only auth assessment video course profile notification
"${run[@]}" # the first results, and the system tables that one of the views reads
"${spark[@]}" raw "$project" "$work/lake" "$work/raw" >"$work/out" 2>"$work/err"

# Each job in a process of its own, one after the other.
# shellcheck disable=SC2016 # the inner shell expands them
jobs=(bash -c 'for job in auth assessment video course profile_notification student_course_analytics; do
    "${@:1:2}" job "$job" "${@:3}" || exit
done' jobs "${spark[@]}" "$project" "$work/raw" "$work/jobs")
# Puts the peak of Spark's own processes, which they print, in the place of that of Python.
peak_of_spark() {
    local peak
    peak="$(awk '/^peak / && $2 > most { most = $2 } END { print most + 0 }' "$work/out")"
    sed -i "\$ s/ .*/ $peak/" "$work/samples.$1"
}

for ((i = 0; i < repeats; i++)); do
    timed weir_views "${run[@]}" --full
    timed spark_views "${spark[@]}" lake "$project" "$work/lake" "$work/views"
    peak_of_spark spark_views
    timed spark_jobs "${jobs[@]}"
    peak_of_spark spark_jobs
done
echo "== $events events; weir computes 43 views, Spark 41 of them"
for name in weir_intake weir_views spark_views spark_jobs; do report "$name"; done
goal "Spark's jobs over raw messages as a multiple of weir's views" "$(ratio spark_jobs weir_views)" '>=' 50
goal "the same SQL on Spark over the same lake as a multiple of weir's views" "$(ratio spark_views weir_views)" '>=' 5

#!/usr/bin/env bash
# How old an answer is: from when a row is due to be posted until GET /views/VIEW?layer=merged has it, at a rate. And from an
# append to one of learning's streams until a view of it has the event, while the generator fills all of them.
set -euo pipefail
# shellcheck source=bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

rate="${WEIR_BENCH_RATE:-50000}"
seconds="${WEIR_BENCH_SECONDS:-10}"
markers="${WEIR_BENCH_MARKERS:-50}"
cmake --build --preset release --target http_load >/dev/null
generator=""
trap 'kill "$server" ${generator:+"$generator"} 2>/dev/null || true; rm -rf "$work"' EXIT
value() { awk -v name="$1" '$1 == name { print $2 }' "$work/answer"; }
# An epoch of intake is one commit: 1s is what is meant where nobody says, 30ms is for who wants it fresh.
for epoch in 1s 30ms; do
    rm -rf "$work/p" "$work/log"
    http_project 'id: integer, name: string, amount: number'
    echo "intake: {epoch: $epoch}" >>"$project/weir.yaml"
    echo 'SELECT count(*) AS n, sum(amount) AS amount FROM t' >"$project/views/v.sql"
    start_up "$weir" up "$project"
    build/release/http_load fresh "$url" rows v "$rate" "$seconds" >"$work/answer"
    same "epochs of $epoch: rows posted and rows in the view" "$(value seen)" "$(value rows)"
    printf '  epochs of %s, POST to merged GET at %s rows/s: p50 %s p99 %s ms, at most %s ms (%s requests; a read takes %s ms)\n' "$epoch" \
        "$rate" "$(value p50_ms)" "$(value p99_ms)" "$(value max_ms)" "$(value samples)" "$(value read_p50_ms)"
    stop_up
done
goal "POST to merged GET, p99 in ms" "$(value p99_ms)" '<=' 100

learning_rate="${WEIR_BENCH_LEARNING_RATE:-5000}"
cp -r projects/learning "$work/learning"
project="$work/learning"
rm -rf "$project/lake" "$project/log"
echo 'intake: {epoch: 30ms}' >>"$project/weir.yaml"
for topic in auth course assessment profile video notification; do
    "$weir" topic create "$project" "${topic}_topic" >/dev/null
done
start_up "$weir" up "$project" --param from=log
"$weir" generate events "$project" --to log --rate "$learning_rate" --count 1000000000 >"$work/generate.out" 2>&1 &
generator=$!
sleep 3
event() { printf '{"event_category":"%s","event_type":"%s","user_id":"@","role":"student","timestamp":"2025-12-02 09:00:00"%s}' "$1" "$2" "$3"; }
stream() {
    build/release/http_load marker "$url" "$1" "/views/$2?layer=merged&$3=@" "$4" "$markers" >"$work/answer"
    printf '  %-18s append to %-38s p50 %s p99 %s ms\n' "$1" "$2" "$(value p50_ms)" "$(value p99_ms)"
    goal "$1, p99 in ms" "$(value p99_ms)" '<=' 1000
}
echo "  learning, with $learning_rate events/s of the generator beside it:"
stream auth_topic auth_user_activity_summary user_id "$(event AUTH LOGIN ',"session_id":"s"')"
stream course_topic student_course_enrollment student_id "$(event COURSE COURSE_ENROLLED ',"course_id":"COURSE001"')"
stream assessment_topic assessment_student_submissions user_id "$(event ASSESSMENT SUBMIT_ASSIGNMENT ',"assignment_id":"ASM001","course_id":"COURSE001"')"

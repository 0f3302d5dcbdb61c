/* weir
description: "Enrolments of each course, by 5 minutes."
*/
SELECT
    time_bucket(INTERVAL '5 minutes', ts) AS window_start,
    window_start + INTERVAL '5 minutes' AS window_end,
    course_id,
    count(*) AS enrollment_count,
    count(DISTINCT user_id) AS unique_students,
    per_minute(count(*), 5) AS enrollments_per_minute
FROM course
WHERE event_type = 'COURSE_ENROLLED'
GROUP BY window_start, course_id
ORDER BY window_start NULLS FIRST, course_id NULLS FIRST

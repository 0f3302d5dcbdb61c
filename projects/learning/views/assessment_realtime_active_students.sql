/* weir
description: "What each student did for each course's assignments and quizzes, by 5 minutes."
*/
SELECT
    time_bucket(INTERVAL '5 minutes', ts) AS window_start,
    window_start + INTERVAL '5 minutes' AS window_end,
    user_id AS student_id,
    course_id,
    count(*) AS event_count,
    count(DISTINCT event_type) AS distinct_actions,
    count(*) FILTER (WHERE event_type = 'VIEW_ASSIGNMENT_FIRST_TIME') AS views,
    count(*) FILTER (WHERE event_type = 'SUBMIT_ASSIGNMENT') AS submissions,
    NULL::BIGINT AS quiz_starts
FROM assessment
WHERE role = 'student'
GROUP BY window_start, user_id, course_id
ORDER BY window_start NULLS FIRST, student_id NULLS FIRST, course_id NULLS FIRST

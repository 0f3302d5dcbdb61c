/* weir
description: Enrolments by day and course; repeated ones count, drops do not.
*/
SELECT
    ts::DATE AS date,
    course_id,
    count(user_id) AS new_enrollments,
    count(DISTINCT user_id) AS unique_new_students
FROM course
WHERE event_type = 'COURSE_ENROLLED'
GROUP BY 1, 2
ORDER BY date NULLS FIRST, course_id NULLS FIRST

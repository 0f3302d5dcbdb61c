/* weir
description: Events of courses by day and type.
*/
SELECT
    ts::DATE AS date,
    course_id,
    event_type,
    count(DISTINCT user_id) AS unique_users,
    count(user_id) AS event_count
FROM course
GROUP BY 1, 2, 3
ORDER BY date NULLS FIRST, course_id NULLS FIRST, event_type NULLS FIRST

/* weir
description: Events of any topic that name a course, by minute and course.
*/
SELECT date_trunc('minute', ts) AS window_start, window_start + INTERVAL '1 minute' AS window_end, course_id, count(*) AS interactions
FROM all_events
WHERE course_id IS NOT NULL
GROUP BY window_start, course_id
ORDER BY window_start NULLS FIRST, course_id NULLS FIRST

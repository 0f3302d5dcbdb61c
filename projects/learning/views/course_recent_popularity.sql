/* weir
description: "Events of each course in the 24 hours before the newest of them."
*/
SELECT course_id, sum(interactions)::BIGINT AS interactions
FROM course_popularity
WHERE window_start >= (SELECT max(window_end) FROM course_popularity) - INTERVAL '24 hours'
GROUP BY course_id
ORDER BY interactions DESC NULLS LAST, course_id NULLS FIRST

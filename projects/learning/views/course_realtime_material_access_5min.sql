/* weir
description: "Students at each material, by 5 minutes."
*/
SELECT
    time_bucket(INTERVAL '5 minutes', ts) AS window_start,
    window_start + INTERVAL '5 minutes' AS window_end,
    course_id,
    material_id,
    count(DISTINCT user_id) AS unique_students,
    count(*) AS access_count,
    per_minute(count(*), 5) AS accesses_per_minute
FROM access
GROUP BY window_start, course_id, material_id
ORDER BY window_start NULLS FIRST, course_id NULLS FIRST, material_id NULLS FIRST

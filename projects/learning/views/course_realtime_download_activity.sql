/* weir
description: "Downloads of each material, by 5 minutes."
*/
SELECT
    time_bucket(INTERVAL '5 minutes', ts) AS window_start,
    window_start + INTERVAL '5 minutes' AS window_end,
    course_id,
    material_id,
    count(DISTINCT user_id) AS unique_downloaders,
    count(*) AS download_count,
    per_minute(count(*), 5) AS downloads_per_minute
FROM course
WHERE event_type = 'DOWNLOAD_MATERIAL'
GROUP BY window_start, course_id, material_id
ORDER BY window_start NULLS FIRST, course_id NULLS FIRST, material_id NULLS FIRST

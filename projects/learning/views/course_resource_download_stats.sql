/* weir
description: Downloads of each material of each course.
*/
SELECT
    course_id,
    material_id AS resource_id,
    count(DISTINCT user_id) AS unique_downloaders,
    count(user_id) AS total_download_count
FROM course
WHERE event_type = 'DOWNLOAD_MATERIAL'
GROUP BY course_id, material_id
ORDER BY total_download_count DESC NULLS LAST, course_id NULLS FIRST, resource_id NULLS FIRST

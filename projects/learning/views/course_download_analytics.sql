/* weir
description: Downloads of each student in each course.
*/
SELECT
    user_id,
    course_id,
    count(material_id) AS total_downloads,
    count(DISTINCT material_id) AS unique_resources_downloaded
FROM course
WHERE event_type = 'DOWNLOAD_MATERIAL'
GROUP BY user_id, course_id
ORDER BY total_downloads DESC NULLS LAST, user_id NULLS FIRST, course_id NULLS FIRST

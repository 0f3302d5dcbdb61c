/* weir
description: Enrolments, material and downloads of each student.
*/
WITH enrolled AS (
    SELECT user_id, count(DISTINCT course_id) AS courses
    FROM course
    WHERE event_type = 'COURSE_ENROLLED'
    GROUP BY user_id
),
opened AS (
    SELECT user_id, count(material_id) AS materials, count(DISTINCT course_id) AS courses
    FROM access
    GROUP BY user_id
),
downloaded AS (
    SELECT user_id, count(material_id) AS materials
    FROM course
    WHERE event_type = 'DOWNLOAD_MATERIAL'
    GROUP BY user_id
)
SELECT
    user_id,
    coalesce(enrolled.courses, 0) AS courses_enrolled,
    coalesce(opened.materials, 0) AS total_material_accesses,
    coalesce(opened.courses, 0) AS courses_with_material_access,
    coalesce(downloaded.materials, 0) AS total_downloads
FROM enrolled
FULL JOIN opened USING (user_id)
FULL JOIN downloaded USING (user_id)
ORDER BY user_id NULLS FIRST

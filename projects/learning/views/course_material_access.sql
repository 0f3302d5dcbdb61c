/* weir
description: Material that each student opened in each course.
*/
SELECT
    user_id,
    course_id,
    count(material_id) AS total_material_accesses,
    count(DISTINCT material_id) AS unique_materials_accessed,
    min(ts) AS first_access,
    max(ts) AS last_access
FROM access
GROUP BY user_id, course_id
ORDER BY user_id NULLS FIRST, course_id NULLS FIRST

/* weir
description: How often each material of a course was opened, and by how many students.
*/
SELECT
    course_id,
    material_id,
    material_type,
    count(DISTINCT user_id) AS unique_accessors,
    count(user_id) AS total_accesses
FROM access
GROUP BY course_id, material_id, material_type
ORDER BY total_accesses DESC NULLS LAST, course_id NULLS FIRST, material_id NULLS FIRST, material_type NULLS FIRST

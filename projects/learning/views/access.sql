/* weir
description: Students at the material of their courses.
keep: none
*/
SELECT
    user_id,
    course_id,
    coalesce(material_id, item_id) AS material_id,
    coalesce(material_type, item_type, 'material') AS material_type,
    ts
FROM course
WHERE role = 'student' AND opens_material(event_type)

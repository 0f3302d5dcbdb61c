/* weir
description: "What students did in the topic of courses, by minute."
*/
SELECT
    date_trunc('minute', ts) AS window_start,
    window_start + INTERVAL '1 minute' AS window_end,
    count(DISTINCT course_id) AS active_courses,
    count(DISTINCT user_id) AS active_students,
    count(*) AS total_interactions,
    count(*) FILTER (WHERE event_type = 'COURSE_ENROLLED') AS enrollments,
    count(*) FILTER (WHERE opens_material(event_type)) AS material_accesses,
    count(*) FILTER (WHERE event_type = 'DOWNLOAD_MATERIAL') AS downloads
FROM course
WHERE role = 'student'
GROUP BY 1
ORDER BY window_start NULLS FIRST

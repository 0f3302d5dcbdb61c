/* weir
description: "What students do in each course, in windows of 5 minutes that begin every minute."
*/
WITH actions AS (
    SELECT
        date_trunc('minute', ts) AS slide,
        course_id,
        event_type,
        CASE WHEN opens_material(event_type) THEN coalesce(material_id, item_id) END AS material_id,
        CASE WHEN event_type = 'DOWNLOAD_MATERIAL' THEN material_id END AS resource_id,
        count(*) AS events
    FROM course
    WHERE role = 'student'
    GROUP BY 1, 2, 3, 4, 5
),
students AS (
    SELECT date_trunc('minute', ts) AS slide, course_id, user_id
    FROM course
    WHERE role = 'student'
    GROUP BY 1, 2, 3
),
slides AS (
    SELECT slide, course_id, NULL AS user_id, event_type, material_id, resource_id, events FROM actions
    UNION ALL
    SELECT slide, course_id, user_id, NULL, NULL, NULL, 0 FROM students
)
SELECT
    slide - to_minutes(earlier) AS window_start,
    window_start + INTERVAL '5 minutes' AS window_end,
    course_id,
    count(DISTINCT user_id) AS active_students,
    sum(events)::BIGINT AS total_interactions,
    count(DISTINCT event_type) AS distinct_actions,
    coalesce(sum(events) FILTER (WHERE event_type = 'COURSE_ENROLLED'), 0)::BIGINT AS enrollments,
    coalesce(sum(events) FILTER (WHERE opens_material(event_type)), 0)::BIGINT AS material_accesses,
    coalesce(sum(events) FILTER (WHERE event_type = 'DOWNLOAD_MATERIAL'), 0)::BIGINT AS downloads,
    count(DISTINCT material_id) AS unique_materials_accessed,
    count(DISTINCT resource_id) AS unique_resources_downloaded,
    sum(events)::BIGINT / count(DISTINCT user_id) AS avg_interactions_per_student
FROM slides, range(5) AS spread(earlier)
GROUP BY window_start, course_id
ORDER BY window_start NULLS FIRST, course_id NULLS FIRST

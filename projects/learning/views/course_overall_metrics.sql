/* weir
description: Enrolments, material, downloads and students of each course.
*/
WITH courses AS (
    SELECT
        course_id,
        count(*) FILTER (WHERE event_type = 'COURSE_ENROLLED') AS enrollments,
        count(*) FILTER (WHERE event_type = 'DOWNLOAD_MATERIAL') AS downloads,
        count(DISTINCT user_id) FILTER (WHERE role = 'student') AS students
    FROM course
    GROUP BY course_id
),
opened AS (
    SELECT course_id, count(*) AS accesses
    FROM access
    GROUP BY course_id
)
SELECT
    courses.course_id,
    courses.enrollments AS total_enrollments,
    coalesce(opened.accesses, 0) AS total_material_accesses,
    courses.downloads AS total_downloads,
    courses.students AS unique_students_interacting
FROM courses
LEFT JOIN opened ON opened.course_id = courses.course_id
ORDER BY total_enrollments DESC NULLS LAST, courses.course_id NULLS FIRST

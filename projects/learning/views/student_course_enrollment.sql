/* weir
description: Pairs of student and course ever enrolled, and what became of them.
*/
SELECT
    enrolment.user_id AS student_id,
    enrolment.course_id,
    enrolment.enrollment_date,
    coalesce(work.videos, 0) AS videos_watched,
    coalesce(work.submissions, 0) AS assignments_submitted,
    coalesce(work.quizzes, 0) AS quizzes_completed,
    coalesce(work.downloads, 0) AS materials_downloaded,
    work.points / nullif(work.grades, 0) AS avg_score,
    activity.last_activity,
    enrolment.active
FROM enrolment
LEFT JOIN work ON work.user_id = enrolment.user_id AND work.course_id = enrolment.course_id
LEFT JOIN activity ON activity.user_id = enrolment.user_id AND activity.course_id = enrolment.course_id
ORDER BY student_id NULLS FIRST, enrolment.course_id NULLS FIRST

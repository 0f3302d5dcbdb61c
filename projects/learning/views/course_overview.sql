/* weir
description: Courses with any activity of students.
*/
WITH active AS (
    SELECT course_id, sum(interactions)::BIGINT AS interactions
    FROM activity
    GROUP BY course_id
),
enrolled AS (
    SELECT course_id, count(*) AS students
    FROM enrolment
    WHERE active
    GROUP BY course_id
),
worked AS (
    SELECT
        course_id,
        sum(videos)::BIGINT AS videos,
        sum(downloads)::BIGINT AS downloads,
        sum(submissions)::BIGINT AS submissions,
        sum(quizzes)::BIGINT AS quizzes,
        sum(correct)::BIGINT AS correct,
        sum(grades)::BIGINT AS grades,
        sum(points)::BIGINT AS points
    FROM work
    GROUP BY course_id
)
SELECT
    course_id,
    coalesce(enrolled.students, 0) AS total_enrolled_students,
    coalesce(worked.videos, 0) AS total_videos_watched,
    coalesce(worked.downloads, 0) AS total_materials_downloaded,
    coalesce(worked.submissions, 0) AS total_assignments_submitted,
    coalesce(worked.quizzes, 0) AS total_quizzes_completed,
    worked.points / nullif(worked.grades, 0) AS avg_assignment_score,
    worked.correct / nullif(worked.quizzes, 0) AS avg_quiz_score,
    active.interactions AS total_interactions
FROM active
LEFT JOIN enrolled USING (course_id)
LEFT JOIN worked USING (course_id)
ORDER BY course_id NULLS FIRST

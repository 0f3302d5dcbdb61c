/* weir
description: Students seen in any topic.
*/
WITH students AS (
    SELECT user_id FROM auth WHERE role = 'student'
    UNION
    SELECT user_id FROM assessment WHERE role = 'student'
    UNION
    SELECT user_id FROM video WHERE role = 'student'
    UNION
    SELECT user_id FROM course WHERE role = 'student'
    UNION
    SELECT user_id FROM profile WHERE role = 'student'
    UNION
    SELECT user_id FROM notification WHERE role = 'student'
),
enrolled AS (
    SELECT user_id, count(*) AS courses
    FROM enrolment
    WHERE active
    GROUP BY user_id
),
worked AS (
    SELECT
        user_id,
        sum(videos)::BIGINT AS videos,
        sum(seconds)::BIGINT AS seconds,
        sum(downloads)::BIGINT AS downloads,
        sum(submissions)::BIGINT AS submissions,
        sum(quizzes)::BIGINT AS quizzes,
        sum(correct)::BIGINT AS correct,
        sum(grades)::BIGINT AS grades,
        sum(points)::BIGINT AS points
    FROM work
    GROUP BY user_id
),
logins AS (
    SELECT user_id, count(*) AS logins, max(ts) AS last_login
    FROM auth
    WHERE event_type = 'LOGIN'
    GROUP BY user_id
)
SELECT
    students.user_id AS student_id,
    coalesce(enrolled.courses, 0) AS total_courses_enrolled,
    coalesce(worked.videos, 0) AS total_videos_watched,
    coalesce(worked.submissions, 0) AS total_assignments_submitted,
    coalesce(worked.quizzes, 0) AS total_quizzes_completed,
    coalesce(logins.logins, 0) AS total_logins,
    coalesce(worked.downloads, 0) AS total_materials_downloaded,
    worked.points / nullif(worked.grades, 0) AS avg_assignment_score,
    worked.correct / nullif(worked.quizzes, 0) AS avg_quiz_score,
    coalesce(worked.seconds, 0) / 60 AS total_watch_time_minutes,
    logins.last_login
FROM students
LEFT JOIN enrolled USING (user_id)
LEFT JOIN worked USING (user_id)
LEFT JOIN logins USING (user_id)
ORDER BY student_id NULLS FIRST

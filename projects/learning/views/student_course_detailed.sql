/* weir
description: "Students and courses with any activity; logins are the student's, over all courses."
*/
WITH logins AS (
    SELECT user_id, count(*) AS logins
    FROM auth
    WHERE event_type = 'LOGIN'
    GROUP BY user_id
)
SELECT
    activity.user_id AS student_id,
    activity.course_id,
    coalesce(work.videos, 0) AS videos_watched,
    coalesce(work.seconds, 0) / 60 AS watch_time_minutes,
    coalesce(work.downloads, 0) AS materials_downloaded,
    coalesce(work.submissions, 0) AS assignments_submitted,
    coalesce(work.quizzes, 0) AS quizzes_completed,
    work.points / nullif(work.grades, 0) AS avg_assignment_score,
    work.correct / nullif(work.quizzes, 0) AS avg_quiz_score,
    coalesce(logins.logins, 0) AS total_logins,
    activity.last_activity
FROM activity
LEFT JOIN work ON work.user_id = activity.user_id AND work.course_id = activity.course_id
LEFT JOIN logins ON logins.user_id = activity.user_id
ORDER BY student_id NULLS FIRST, activity.course_id NULLS FIRST

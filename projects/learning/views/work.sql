/* weir
description: What each student did and was given in each course, from whichever side exists.
keep: none
*/
SELECT
    user_id,
    course_id,
    sum(videos)::BIGINT AS videos,
    sum(seconds)::BIGINT AS seconds,
    sum(downloads)::BIGINT AS downloads,
    sum(submissions)::BIGINT AS submissions,
    sum(quizzes)::BIGINT AS quizzes,
    sum(correct)::BIGINT AS correct,
    sum(grades)::BIGINT AS grades,
    sum(points)::BIGINT AS points
FROM (
    SELECT
        user_id, course_id, 1 AS videos, watch_duration_seconds AS seconds, 0 AS downloads, 0 AS submissions,
        0 AS quizzes, 0 AS correct, 0 AS grades, 0 AS points
    FROM video
    WHERE role = 'student'
    UNION ALL
    SELECT user_id, course_id, 0, 0, 1, 0, 0, 0, 0, 0
    FROM course
    WHERE role = 'student' AND event_type = 'DOWNLOAD_MATERIAL'
    UNION ALL
    SELECT user_id, course_id, 0, 0, 0, 1, 0, 0, 0, 0
    FROM assessment
    WHERE role = 'student' AND event_type = 'SUBMIT_ASSIGNMENT'
    UNION ALL
    SELECT user_id, course_id, 0, 0, 0, 0, 1, correct_answers, 0, 0
    FROM assessment
    WHERE role = 'student' AND event_type = 'QUIZ_COMPLETED'
    UNION ALL
    SELECT student_id, course_id, 0, 0, 0, 0, 0, 0, 1, score
    FROM assessment
    WHERE event_type = 'GRADE_ASSIGNMENT'
) AS events
GROUP BY user_id, course_id

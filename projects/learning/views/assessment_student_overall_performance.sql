/* weir
description: Quizzes and grades of each student in each course.
*/
WITH quizzes AS (
    SELECT user_id, course_id, count(*) AS completed, avg(correct_answers) AS correct
    FROM assessment
    WHERE event_type = 'QUIZ_COMPLETED'
    GROUP BY user_id, course_id
),
graded AS (
    SELECT student_id AS user_id, course_id, count(*) AS works, avg(score) AS score
    FROM assessment
    WHERE event_type = 'GRADE_ASSIGNMENT'
    GROUP BY student_id, course_id
)
SELECT
    user_id,
    course_id,
    coalesce(quizzes.completed, 0) AS quizzes_completed,
    quizzes.correct AS avg_quiz_correct,
    coalesce(graded.works, 0) AS assignments_graded,
    graded.score AS avg_assignment_score
FROM quizzes
FULL JOIN graded USING (user_id, course_id)
ORDER BY user_id NULLS FIRST, course_id NULLS FIRST

/* weir
description: Correct answers of each student in the quizzes of each course; raw counts.
*/
SELECT
    user_id,
    course_id,
    count(quiz_id) AS total_quizzes_completed,
    avg(correct_answers) AS avg_correct_answers,
    sum(correct_answers)::BIGINT AS total_correct_answers,
    min(correct_answers) AS min_correct_answers,
    max(correct_answers) AS max_correct_answers
FROM assessment
WHERE event_type = 'QUIZ_COMPLETED'
GROUP BY user_id, course_id
ORDER BY avg_correct_answers DESC NULLS LAST, user_id NULLS FIRST, course_id NULLS FIRST

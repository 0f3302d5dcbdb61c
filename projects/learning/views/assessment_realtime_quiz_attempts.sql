/* weir
description: "Quizzes of each user, by 5 minutes."
*/
SELECT
    time_bucket(INTERVAL '5 minutes', ts) AS window_start,
    window_start + INTERVAL '5 minutes' AS window_end,
    quiz_id,
    user_id,
    count(*) AS event_count,
    NULL::BIGINT AS starts,
    NULL::BIGINT AS answers,
    count(*) AS completions,
    avg(correct_answers) AS avg_correct_answers,
    NULL::DOUBLE AS avg_total_questions
FROM assessment
WHERE event_type = 'QUIZ_COMPLETED'
GROUP BY window_start, quiz_id, user_id
ORDER BY window_start NULLS FIRST, quiz_id NULLS FIRST, user_id NULLS FIRST

/* weir
description: "Submissions by minute. Their scores are NULL: a submission has none."
*/
SELECT
    date_trunc('minute', ts) AS window_start,
    window_start + INTERVAL '1 minute' AS window_end,
    count(*) AS total_submissions,
    count(DISTINCT user_id) AS unique_students,
    count(DISTINCT assignment_id) AS unique_assignments,
    avg(score) AS avg_score,
    min(score) AS min_score,
    max(score) AS max_score
FROM assessment
WHERE event_type = 'SUBMIT_ASSIGNMENT'
GROUP BY 1
ORDER BY window_start NULLS FIRST

/* weir
description: "Submissions of each course, in windows of 5 minutes that begin every minute."
*/
WITH slides AS (
    SELECT
        date_trunc('minute', ts) AS slide,
        course_id,
        user_id,
        assignment_id,
        count(*) AS submissions,
        sum(score)::BIGINT AS points,
        count(score) AS scores
    FROM assessment
    WHERE event_type = 'SUBMIT_ASSIGNMENT'
    GROUP BY 1, 2, 3, 4
)
SELECT
    slide - to_minutes(earlier) AS window_start,
    window_start + INTERVAL '5 minutes' AS window_end,
    course_id,
    sum(submissions)::BIGINT AS submissions,
    count(DISTINCT user_id) AS unique_students,
    count(DISTINCT assignment_id) AS unique_assignments,
    sum(points)::BIGINT / nullif(sum(scores)::BIGINT, 0) AS avg_score,
    NULL::DOUBLE AS avg_percentage,
    per_minute(sum(submissions)::BIGINT, 5) AS submissions_per_minute
FROM slides, range(5) AS spread(earlier)
GROUP BY window_start, course_id
ORDER BY window_start NULLS FIRST, course_id NULLS FIRST

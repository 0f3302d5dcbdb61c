/* weir
description: "Submissions by day, course and type of assignment; the type is that of the latest view of the assignment by then."
*/
WITH moments AS (
    SELECT *, event_type = 'SUBMIT_ASSIGNMENT' AS submitted
    FROM assessment
    WHERE event_type IN ('SUBMIT_ASSIGNMENT', 'VIEW_ASSIGNMENT_FIRST_TIME')
),
-- In one second views come before submissions; of several views the last to arrive counts.
typed AS (
    SELECT
        *,
        last_value(CASE WHEN NOT submitted THEN assignment_type END IGNORE NULLS) OVER (
            PARTITION BY assignment_id
            ORDER BY ts, submitted, seq
            ROWS UNBOUNDED PRECEDING
        ) AS viewed_type
    FROM moments
)
SELECT
    ts::DATE AS date,
    course_id,
    coalesce(assignment_type, viewed_type, 'unknown') AS assignment_type,
    count(user_id) AS submissions_count,
    count(DISTINCT user_id) AS unique_students
FROM typed
WHERE submitted
GROUP BY ALL
ORDER BY date NULLS FIRST, course_id NULLS FIRST, assignment_type NULLS FIRST

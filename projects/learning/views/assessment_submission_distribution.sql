/* weir
description: "Submissions by day, course and type of assignment; the type is that of the latest view of the assignment by then."
*/
WITH submitted AS (
    SELECT user_id, course_id, assignment_id, assignment_type, ts
    FROM assessment
    WHERE event_type = 'SUBMIT_ASSIGNMENT'
),
-- Of several views in one second the last to arrive.
viewed AS (
    SELECT DISTINCT ON (assignment_id, ts) assignment_id, ts, assignment_type
    FROM assessment
    WHERE event_type = 'VIEW_ASSIGNMENT_FIRST_TIME'
    ORDER BY assignment_id, ts, seq DESC
),
typed AS (
    SELECT
        submitted.ts,
        submitted.course_id,
        submitted.user_id,
        coalesce(submitted.assignment_type, viewed.assignment_type, 'unknown') AS assignment_type
    FROM submitted
    ASOF LEFT JOIN viewed ON viewed.assignment_id = submitted.assignment_id AND viewed.ts <= submitted.ts
)
SELECT
    ts::DATE AS date,
    course_id,
    assignment_type,
    count(user_id) AS submissions_count,
    count(DISTINCT user_id) AS unique_students
FROM typed
GROUP BY 1, 2, 3
ORDER BY date NULLS FIRST, course_id NULLS FIRST, assignment_type NULLS FIRST

/* weir
description: Hours from the first view of an assignment to the first submission after it.
*/
WITH viewed AS (
    SELECT DISTINCT ON (user_id, assignment_id) user_id, assignment_id, course_id, ts
    FROM assessment
    WHERE event_type = 'VIEW_ASSIGNMENT_FIRST_TIME'
    ORDER BY user_id, assignment_id, ts, seq
),
completed AS (
    SELECT
        viewed.user_id,
        viewed.course_id,
        viewed.assignment_id,
        seconds_between(viewed.ts, min(submitted.ts)) AS seconds
    FROM viewed
    JOIN assessment AS submitted
        ON submitted.event_type = 'SUBMIT_ASSIGNMENT'
        AND submitted.user_id = viewed.user_id
        AND submitted.assignment_id = viewed.assignment_id
        AND submitted.ts >= viewed.ts
    GROUP BY viewed.user_id, viewed.course_id, viewed.assignment_id, viewed.ts
)
SELECT
    user_id,
    course_id,
    count(*) AS assignments_completed,
    sum(seconds)::BIGINT / (3600 * count(*)) AS avg_hours_to_submit,
    min(seconds) / 3600 AS min_hours_to_submit,
    max(seconds) / 3600 AS max_hours_to_submit
FROM completed
GROUP BY user_id, course_id
ORDER BY user_id NULLS FIRST, course_id NULLS FIRST

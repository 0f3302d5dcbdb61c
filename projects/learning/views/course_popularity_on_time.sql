/* weir
description: "As course_popularity, without the events that came after their window was over."
*/
WITH events AS (
    SELECT date_trunc('minute', ts) AS window_start, replay_batch(broker_ts) AS batch, course_id, count(*) AS interactions
    FROM all_events
    WHERE course_id IS NOT NULL
    GROUP BY 1, 2, 3
)
SELECT
    window_start,
    window_start + INTERVAL '1 minute' AS window_end,
    course_id,
    sum(interactions)::BIGINT AS interactions
FROM events
JOIN replay_marks ON replay_marks.batch = events.batch
WHERE in_time(window_start + INTERVAL '1 minute', watermark)
GROUP BY window_start, course_id
ORDER BY window_start NULLS FIRST, course_id NULLS FIRST

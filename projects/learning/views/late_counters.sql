/* weir
description: "How many pairs of an event and a window each stream has, and how many of them came after the window was over."
*/
WITH counted AS (
    SELECT 'active_users' AS view, time_bucket(INTERVAL '30 seconds', ts) AS slide, replay_batch(broker_ts) AS batch, count(*) AS n
    FROM auth
    WHERE event_type = 'LOGIN'
    GROUP BY 1, 2, 3
    UNION ALL
    SELECT 'course_popularity', date_trunc('minute', ts), replay_batch(broker_ts), count(*)
    FROM all_events
    WHERE course_id IS NOT NULL
    GROUP BY 1, 2, 3
    UNION ALL
    SELECT 'video_engagement', date_trunc('minute', ts), replay_batch(broker_ts), count(*)
    FROM video
    WHERE event_type = 'VIDEO_WATCHED'
    GROUP BY 1, 2, 3
),
pairs AS (
    SELECT view, slide + INTERVAL '1 minute' AS window_end, batch, n FROM counted
    UNION ALL
    SELECT view, slide + INTERVAL '30 seconds', batch, n FROM counted WHERE view = 'active_users'
)
SELECT
    view,
    sum(n)::BIGINT AS window_rows_total,
    coalesce(sum(n) FILTER (WHERE NOT in_time(window_end, watermark)), 0)::BIGINT AS window_rows_dropped_late
FROM pairs
JOIN replay_marks ON replay_marks.batch = pairs.batch
GROUP BY view
ORDER BY view

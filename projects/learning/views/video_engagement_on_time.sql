/* weir
description: "As video_engagement, without the sessions that came after their window was over."
*/
WITH sessions AS (
    SELECT
        date_trunc('minute', ts) AS window_start,
        replay_batch(broker_ts) AS batch,
        video_id,
        user_id,
        count(*) AS views,
        sum(watch_duration_seconds) AS watched
    FROM video
    WHERE event_type = 'VIDEO_WATCHED'
    GROUP BY 1, 2, 3, 4
)
SELECT
    window_start,
    window_start + INTERVAL '1 minute' AS window_end,
    video_id,
    sum(views)::BIGINT AS views,
    count(DISTINCT user_id) AS unique_viewers,
    sum(watched)::BIGINT AS total_watch_seconds
FROM sessions
JOIN replay_marks ON replay_marks.batch = sessions.batch
WHERE in_time(window_start + INTERVAL '1 minute', watermark)
GROUP BY window_start, video_id
ORDER BY window_start NULLS FIRST, video_id NULLS FIRST

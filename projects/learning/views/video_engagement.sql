/* weir
description: Watching by minute and video.
*/
SELECT
    date_trunc('minute', ts) AS window_start,
    window_start + INTERVAL '1 minute' AS window_end,
    video_id,
    count(*) AS views,
    count(DISTINCT user_id) AS unique_viewers,
    sum(watch_duration_seconds)::BIGINT AS total_watch_seconds
FROM video
WHERE event_type = 'VIDEO_WATCHED'
GROUP BY window_start, video_id
ORDER BY window_start NULLS FIRST, video_id NULLS FIRST

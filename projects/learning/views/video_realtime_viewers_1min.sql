/* weir
description: "Viewers and what they watched, by minute."
*/
SELECT
    date_trunc('minute', ts) AS window_start,
    window_start + INTERVAL '1 minute' AS window_end,
    count(DISTINCT user_id) AS unique_viewers,
    count(DISTINCT video_id) AS videos_watched,
    count(*) AS total_events,
    count(*) AS starts,
    NULL::BIGINT AS pauses,
    NULL::BIGINT AS completions,
    sum(watch_duration_seconds)::BIGINT AS total_watch_seconds,
    sum(watch_duration_seconds)::BIGINT / 60 AS total_watch_minutes
FROM video
WHERE event_type = 'VIDEO_WATCHED'
GROUP BY 1
ORDER BY window_start NULLS FIRST

/* weir
description: "How each video is watched, by 5 minutes."
*/
SELECT
    time_bucket(INTERVAL '5 minutes', ts) AS window_start,
    window_start + INTERVAL '5 minutes' AS window_end,
    video_id,
    count(*) AS starts,
    NULL::BIGINT AS pauses,
    NULL::BIGINT AS completions,
    count(DISTINCT user_id) AS unique_users,
    sum(watch_duration_seconds)::BIGINT AS total_watch_seconds,
    NULL::DECIMAL(5, 2) AS completion_rate_pct,
    NULL::DECIMAL(5, 2) AS pause_rate_pct,
    avg(watch_duration_seconds) AS avg_watch_per_start
FROM video
WHERE event_type = 'VIDEO_WATCHED'
GROUP BY window_start, video_id
ORDER BY window_start NULLS FIRST, video_id NULLS FIRST

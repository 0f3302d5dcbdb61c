/* weir
description: "Viewers of each video, in windows of 5 minutes that begin every minute."
*/
WITH slides AS (
    SELECT
        date_trunc('minute', ts) AS slide,
        video_id,
        user_id,
        count(*) AS events,
        sum(watch_duration_seconds)::BIGINT AS seconds
    FROM video
    WHERE event_type = 'VIDEO_WATCHED'
    GROUP BY 1, 2, 3
)
SELECT
    slide - to_minutes(earlier) AS window_start,
    window_start + INTERVAL '5 minutes' AS window_end,
    video_id,
    count(DISTINCT user_id) AS concurrent_viewers,
    sum(events)::BIGINT AS event_count,
    sum(seconds)::BIGINT AS total_watch_seconds,
    sum(seconds)::BIGINT / 60 AS total_watch_minutes
FROM slides, range(5) AS spread(earlier)
GROUP BY window_start, video_id
ORDER BY window_start NULLS FIRST, video_id NULLS FIRST

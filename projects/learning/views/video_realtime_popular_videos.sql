/* weir
description: "Viewers and interactions by 5 minutes, video and course."
*/
SELECT
    time_bucket(INTERVAL '5 minutes', ts) AS window_start,
    window_start + INTERVAL '5 minutes' AS window_end,
    video_id,
    course_id,
    count(DISTINCT user_id) AS unique_viewers,
    count(*) AS total_interactions,
    sum(watch_duration_seconds)::BIGINT AS total_watch_seconds,
    count(*) AS starts,
    NULL::BIGINT AS completions,
    NULL::DECIMAL(5, 2) AS completion_rate_pct
FROM video
WHERE event_type = 'VIDEO_WATCHED'
GROUP BY window_start, video_id, course_id
ORDER BY window_start NULLS FIRST, video_id NULLS FIRST, course_id NULLS FIRST

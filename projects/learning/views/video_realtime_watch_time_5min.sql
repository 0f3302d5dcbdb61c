/* weir
description: "Time watched by 5 minutes, video and course."
*/
SELECT
    time_bucket(INTERVAL '5 minutes', ts) AS window_start,
    window_start + INTERVAL '5 minutes' AS window_end,
    video_id,
    course_id,
    count(DISTINCT user_id) AS unique_viewers,
    sum(watch_duration_seconds)::BIGINT AS total_watch_seconds,
    avg(watch_duration_seconds) AS avg_watch_seconds,
    max(watch_duration_seconds) AS max_watch_seconds,
    sum(watch_duration_seconds)::BIGINT / 60 AS total_watch_minutes,
    count(*) AS view_count
FROM video
WHERE event_type = 'VIDEO_WATCHED'
GROUP BY window_start, video_id, course_id
ORDER BY window_start NULLS FIRST, video_id NULLS FIRST, course_id NULLS FIRST

/* weir
description: Watching by day and course.
*/
SELECT
    ts::DATE AS date,
    course_id,
    count(DISTINCT user_id) AS active_video_watchers,
    count(DISTINCT video_id) AS unique_videos_watched,
    sum(watch_duration_seconds)::BIGINT AS total_watch_seconds,
    count(user_id) AS total_watch_events,
    sum(watch_duration_seconds)::BIGINT / 3600 AS total_watch_hours
FROM video
WHERE event_type = 'VIDEO_WATCHED'
GROUP BY 1, 2
ORDER BY date NULLS FIRST, course_id NULLS FIRST

/* weir
description: Who watched each video of each course, and how long.
*/
SELECT
    video_id,
    course_id,
    count(DISTINCT user_id) AS unique_viewers,
    sum(watch_duration_seconds)::BIGINT AS total_views_seconds,
    count(user_id) AS total_view_events,
    avg(watch_duration_seconds) AS avg_view_duration_seconds,
    sum(watch_duration_seconds)::BIGINT / 3600 AS total_views_hours
FROM video
WHERE event_type = 'VIDEO_WATCHED'
GROUP BY video_id, course_id
ORDER BY unique_viewers DESC NULLS LAST, video_id NULLS FIRST, course_id NULLS FIRST

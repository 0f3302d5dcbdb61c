/* weir
description: What each student watched in each course.
*/
SELECT
    user_id,
    course_id,
    count(DISTINCT video_id) AS unique_videos_watched,
    sum(watch_duration_seconds)::BIGINT AS total_watch_seconds,
    count(video_id) AS total_video_events,
    avg(watch_duration_seconds) AS avg_watch_duration_seconds,
    sum(watch_duration_seconds)::BIGINT / 3600 AS total_watch_hours
FROM video
WHERE event_type = 'VIDEO_WATCHED'
GROUP BY user_id, course_id
ORDER BY total_watch_seconds DESC NULLS LAST, user_id NULLS FIRST, course_id NULLS FIRST

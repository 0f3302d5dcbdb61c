/* weir
description: How long each student watched each video.
*/
SELECT
    user_id,
    video_id,
    course_id,
    sum(watch_duration_seconds)::BIGINT AS total_watch_seconds,
    count(session_id) AS total_watch_sessions,
    avg(watch_duration_seconds) AS avg_watch_duration_seconds,
    max(watch_duration_seconds) AS longest_session_seconds,
    min(watch_duration_seconds) AS shortest_session_seconds,
    sum(watch_duration_seconds)::BIGINT / 60 AS total_watch_minutes,
    sum(watch_duration_seconds)::BIGINT / 3600 AS total_watch_hours
FROM video
WHERE event_type = 'VIDEO_WATCHED'
GROUP BY user_id, video_id, course_id
ORDER BY total_watch_seconds DESC NULLS LAST, user_id NULLS FIRST, video_id NULLS FIRST, course_id NULLS FIRST

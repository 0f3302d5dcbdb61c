/* weir
description: Watching by course; its videos are those that somebody watched.
*/
SELECT
    course_id,
    count(DISTINCT user_id) AS total_students_watching,
    count(DISTINCT video_id) AS total_videos_in_course,
    sum(watch_duration_seconds)::BIGINT AS total_course_watch_seconds,
    sum(watch_duration_seconds)::BIGINT / 3600 AS total_course_watch_hours
FROM video
WHERE event_type = 'VIDEO_WATCHED'
GROUP BY course_id
ORDER BY course_id NULLS FIRST

/* weir
description: Videos by how long they are watched on average, and a label for it.
*/
SELECT
    video_id,
    course_id,
    count(user_id) AS total_views,
    avg(watch_duration_seconds) AS avg_watch_duration,
    min(watch_duration_seconds) AS min_watch_duration,
    count(DISTINCT user_id) AS unique_viewers,
    CASE
        WHEN avg(watch_duration_seconds) < 60 THEN 'High Risk'
        WHEN avg(watch_duration_seconds) < 180 THEN 'Medium Risk'
        ELSE 'Good Engagement'
    END AS potential_drop_off
FROM video
WHERE event_type = 'VIDEO_WATCHED'
GROUP BY video_id, course_id
ORDER BY avg_watch_duration NULLS FIRST, video_id NULLS FIRST, course_id NULLS FIRST

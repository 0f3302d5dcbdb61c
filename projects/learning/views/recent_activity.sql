/* weir
description: "What happened in each hour: videos watched, events that name a course, their courses, material downloaded."
*/
WITH courses AS (
    SELECT
        date_trunc('hour', window_start) AS hour,
        sum(interactions)::BIGINT AS interactions,
        count(DISTINCT course_id) AS active_courses
    FROM course_popularity
    GROUP BY 1
),
videos AS (
    SELECT date_trunc('hour', window_start) AS hour, sum(views)::BIGINT AS watched
    FROM video_engagement
    GROUP BY 1
),
material AS (
    SELECT date_trunc('hour', window_start) AS hour, sum(downloads)::BIGINT AS downloads
    FROM course_realtime_active_courses_1min
    GROUP BY 1
)
SELECT
    hour,
    coalesce(videos.watched, 0) AS videos_watched,
    coalesce(courses.interactions, 0) AS course_interactions,
    coalesce(courses.active_courses, 0) AS active_courses,
    coalesce(material.downloads, 0) AS materials_downloaded
FROM courses
FULL JOIN videos USING (hour)
FULL JOIN material USING (hour)
ORDER BY hour NULLS FIRST

/* weir
description: How many of a course's watched videos each student watched.
*/
WITH students AS (
    SELECT
        user_id,
        course_id,
        count(DISTINCT video_id) AS videos,
        sum(watch_duration_seconds)::BIGINT AS seconds,
        count(session_id) AS sessions
    FROM video
    WHERE event_type = 'VIDEO_WATCHED'
    GROUP BY user_id, course_id
),
courses AS (
    SELECT course_id, count(DISTINCT video_id) AS videos
    FROM video
    WHERE event_type = 'VIDEO_WATCHED'
    GROUP BY course_id
)
SELECT
    students.course_id,
    students.user_id,
    students.videos AS videos_watched_count,
    students.seconds AS total_watch_seconds,
    students.sessions AS total_sessions,
    students.seconds / 3600 AS total_watch_hours,
    courses.videos AS total_videos_in_course,
    pct(students.videos, courses.videos) AS video_coverage_percentage
FROM students
LEFT JOIN courses ON courses.course_id = students.course_id
ORDER BY students.user_id NULLS FIRST, students.course_id NULLS FIRST

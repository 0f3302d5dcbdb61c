/* weir
description: "What events contradict each other in, or lack: of pairs of student and course, clicked notifications, events, or sessions."
*/
WITH sessions AS (
    SELECT
        user_id,
        session_id,
        min(ts) FILTER (event_type = 'LOGIN') AS logged_in,
        min(ts) FILTER (event_type = 'LOGOUT') AS logged_out
    FROM auth
    WHERE event_type IN ('LOGIN', 'LOGOUT')
    GROUP BY user_id, session_id
),
notifications AS (
    SELECT
        user_id,
        notification_id,
        count(*) FILTER (event_type = 'NOTIFICATION_SENT') AS sent,
        count(*) FILTER (event_type = 'NOTIFICATION_CLICKED') AS clicked
    FROM notification
    GROUP BY user_id, notification_id
),
measures AS (
    SELECT 'activity_without_enrolment' AS measure, count(*) FILTER (enrolment.user_id IS NULL) AS affected, count(*) AS total
    FROM activity
    LEFT JOIN enrolment ON enrolment.user_id = activity.user_id AND enrolment.course_id = activity.course_id
    UNION ALL
    SELECT 'clicked_but_never_sent', count(*) FILTER (sent = 0), count(*)
    FROM notifications
    WHERE clicked > 0
    UNION ALL
    SELECT 'events_without_course', count(*) FILTER (course_id IS NULL), count(*)
    FROM (
        SELECT course_id FROM course
        UNION ALL
        SELECT course_id FROM video
        UNION ALL
        SELECT course_id FROM assessment
    ) AS events
    UNION ALL
    SELECT 'logged_out_before_login', count(*) FILTER (logged_out < logged_in), count(*)
    FROM sessions
    UNION ALL
    SELECT 'logged_out_without_login', count(*) FILTER (logged_out IS NOT NULL AND logged_in IS NULL), count(*)
    FROM sessions
)
SELECT measure, affected, total, pct(affected, total) AS percent
FROM measures
ORDER BY measure

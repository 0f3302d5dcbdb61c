/* weir
description: "Notifications sent in 5 minutes, by type, and how many of them were clicked within 24 hours."
*/
SELECT
    time_bucket(INTERVAL '5 minutes', sent_time) AS window_start,
    window_start + INTERVAL '5 minutes' AS window_end,
    notification_type,
    count(*) AS sent,
    count(click_time) AS clicked,
    count(DISTINCT user_id) AS unique_users,
    pct(count(click_time), count(*)) AS click_through_rate_pct
FROM delivery_response
GROUP BY window_start, notification_type
ORDER BY window_start NULLS FIRST, notification_type NULLS FIRST

/* weir
description: "What became of each notification sent in 5 minutes, in the 24 hours after."
*/
SELECT
    time_bucket(INTERVAL '5 minutes', delivery_response.sent_time) AS window_start,
    window_start + INTERVAL '5 minutes' AS window_end,
    notification_id,
    notification_type,
    count(*) AS sent_count,
    count(view_time) AS viewed_count,
    count(click_time) AS clicked_count,
    count(DISTINCT user_id) AS unique_users,
    min(delivery_response.sent_time) AS sent_time,
    min(view_time) AS first_view_time,
    min(click_time) AS first_click_time,
    seconds_between(min(delivery_response.sent_time), min(view_time)) AS time_to_view_seconds,
    seconds_between(min(delivery_response.sent_time), min(click_time)) AS time_to_click_seconds
FROM delivery_response
GROUP BY window_start, notification_id, notification_type
ORDER BY window_start NULLS FIRST, notification_id NULLS FIRST, notification_type NULLS FIRST

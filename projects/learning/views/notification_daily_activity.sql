/* weir
description: Notifications by day, event and type.
*/
SELECT
    ts::DATE AS date,
    event_type,
    notification_type,
    count(DISTINCT user_id) AS unique_users,
    count(notification_id) AS event_count
FROM notification
GROUP BY 1, 2, 3
ORDER BY date NULLS FIRST, event_type NULLS FIRST, notification_type NULLS FIRST

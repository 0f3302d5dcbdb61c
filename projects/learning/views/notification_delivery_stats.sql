/* weir
description: Notifications sent, by type.
*/
SELECT notification_type, count(user_id) AS total_sent, count(DISTINCT user_id) AS unique_recipients
FROM notification
WHERE event_type = 'NOTIFICATION_SENT'
GROUP BY notification_type
ORDER BY total_sent DESC NULLS LAST, notification_type NULLS FIRST

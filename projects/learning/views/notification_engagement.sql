/* weir
description: Clicks of each user by type of notification.
*/
SELECT user_id, notification_type, count(notification_id) AS notifications_clicked
FROM notification
WHERE event_type = 'NOTIFICATION_CLICKED'
GROUP BY user_id, notification_type
ORDER BY notifications_clicked DESC NULLS LAST, user_id NULLS FIRST, notification_type NULLS FIRST

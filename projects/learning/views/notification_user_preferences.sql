/* weir
description: How many of the notifications delivered each user clicked, by type.
*/
SELECT
    user_id,
    notification_type,
    count(*) AS notifications_received,
    count(*) FILTER (WHERE clicked) AS notifications_clicked,
    pct(count(*) FILTER (WHERE clicked), count(*)) AS engagement_rate
FROM delivery
GROUP BY user_id, notification_type
ORDER BY user_id NULLS FIRST, engagement_rate DESC NULLS LAST, notification_type NULLS FIRST

/* weir
description: "Notifications sent, by minute."
*/
SELECT
    date_trunc('minute', ts) AS window_start,
    window_start + INTERVAL '1 minute' AS window_end,
    count(*) AS total_sent,
    count(DISTINCT user_id) AS unique_recipients,
    count(DISTINCT notification_type) AS unique_types
FROM notification
WHERE event_type = 'NOTIFICATION_SENT'
GROUP BY 1
ORDER BY window_start NULLS FIRST

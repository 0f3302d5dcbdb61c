/* weir
description: "Each notification that was sent to a user, its first sending, and whether that user clicked it then or later."
keep: none
*/
WITH sent AS (
    SELECT DISTINCT ON (user_id, notification_id) user_id, notification_id, notification_type, ts
    FROM notification
    WHERE event_type = 'NOTIFICATION_SENT'
    ORDER BY user_id, notification_id, ts, seq
),
clicked AS (
    SELECT user_id, notification_id, max(ts) AS last_click
    FROM notification
    WHERE event_type = 'NOTIFICATION_CLICKED'
    GROUP BY user_id, notification_id
)
SELECT
    sent.user_id,
    sent.notification_id,
    sent.notification_type,
    sent.ts,
    coalesce(clicked.last_click >= sent.ts, false) AS clicked
FROM sent
LEFT JOIN clicked ON clicked.user_id = sent.user_id AND clicked.notification_id = sent.notification_id

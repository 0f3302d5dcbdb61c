/* weir
description: "Each notification that was sent to a user, its first sending, and when it was first opened and clicked in the 24 hours after."
keep: none
*/
WITH sent AS (
    SELECT DISTINCT ON (user_id, notification_id) user_id, notification_id, notification_type, ts
    FROM notification
    WHERE event_type = 'NOTIFICATION_SENT'
    ORDER BY user_id, notification_id, ts, seq
),
answers AS (
    SELECT
        user_id,
        notification_id,
        ts,
        bool_or(event_type = 'NOTIFICATION_OPENED') AS opened,
        bool_or(event_type = 'NOTIFICATION_CLICKED') AS clicked
    FROM notification
    WHERE event_type IN ('NOTIFICATION_OPENED', 'NOTIFICATION_CLICKED')
    GROUP BY user_id, notification_id, ts
)
SELECT
    sent.user_id,
    sent.notification_id,
    sent.notification_type,
    sent.ts AS sent_time,
    min(answers.ts) FILTER (WHERE answers.opened) AS view_time,
    min(answers.ts) FILTER (WHERE answers.clicked) AS click_time
FROM sent
LEFT JOIN answers
    ON answers.user_id = sent.user_id
    AND answers.notification_id = sent.notification_id
    AND answers.ts >= sent.ts
    AND answers.ts <= sent.ts + INTERVAL '24 hours'
GROUP BY sent.user_id, sent.notification_id, sent.notification_type, sent.ts

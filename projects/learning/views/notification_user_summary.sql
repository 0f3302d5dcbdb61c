/* weir
description: How many of the notifications delivered each user clicked; users with any event of the topic.
*/
WITH users AS (
    SELECT DISTINCT user_id
    FROM notification
),
delivered AS (
    SELECT user_id, count(*) AS received, count(*) FILTER (WHERE clicked) AS clicked
    FROM delivery
    GROUP BY user_id
)
SELECT
    users.user_id,
    coalesce(delivered.received, 0) AS total_received,
    coalesce(delivered.clicked, 0) AS total_clicked,
    pct(delivered.clicked, delivered.received) AS overall_engagement_rate
FROM users
LEFT JOIN delivered ON delivered.user_id = users.user_id
ORDER BY overall_engagement_rate DESC NULLS LAST, users.user_id NULLS FIRST

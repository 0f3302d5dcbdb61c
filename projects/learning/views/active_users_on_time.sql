/* weir
description: "As active_users, without the logins that came after their window was over."
*/
WITH logins AS (
    SELECT time_bucket(INTERVAL '30 seconds', ts) AS slide, replay_batch(broker_ts) AS batch, user_id
    FROM auth
    WHERE event_type = 'LOGIN'
    GROUP BY 1, 2, 3
)
SELECT
    slide - to_seconds(30 * earlier) AS window_start,
    window_start + INTERVAL '1 minute' AS window_end,
    count(DISTINCT user_id) AS active_users
FROM logins
JOIN replay_marks ON replay_marks.batch = logins.batch, range(2) AS spread(earlier)
WHERE in_time(slide - to_seconds(30 * earlier) + INTERVAL '1 minute', watermark)
GROUP BY 1
ORDER BY window_start NULLS FIRST

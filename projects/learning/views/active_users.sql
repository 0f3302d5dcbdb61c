/* weir
description: "Users who logged in, in windows of a minute that begin every 30 seconds."
*/
WITH logins AS (
    SELECT time_bucket(INTERVAL '30 seconds', ts) AS slide, user_id
    FROM auth
    WHERE event_type = 'LOGIN'
    GROUP BY 1, 2
)
SELECT
    slide - to_seconds(30 * earlier) AS window_start,
    window_start + INTERVAL '1 minute' AS window_end,
    count(DISTINCT user_id) AS active_users
FROM logins, range(2) AS spread(earlier)
GROUP BY 1
ORDER BY window_start NULLS FIRST

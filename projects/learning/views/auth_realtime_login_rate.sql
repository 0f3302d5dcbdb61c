/* weir
description: "Logins that were tried, and how many succeeded, by minute."
*/
SELECT
    date_trunc('minute', ts) AS window_start,
    window_start + INTERVAL '1 minute' AS window_end,
    count(*) AS total_logins,
    count(*) FILTER (WHERE event_type = 'LOGIN') AS successful_logins,
    count(*) FILTER (WHERE event_type = 'LOGIN_FAILED') AS failed_logins,
    count(DISTINCT user_id) AS unique_users,
    pct(count(*) FILTER (WHERE event_type = 'LOGIN'), count(*)) AS success_rate_pct
FROM auth
WHERE event_type IN ('LOGIN', 'LOGIN_FAILED')
GROUP BY 1
ORDER BY window_start NULLS FIRST

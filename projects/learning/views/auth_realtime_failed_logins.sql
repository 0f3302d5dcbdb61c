/* weir
description: "Logins that failed, by minute and user."
*/
SELECT
    date_trunc('minute', ts) AS window_start,
    window_start + INTERVAL '1 minute' AS window_end,
    user_id,
    count(*) AS failed_attempt_count,
    min(ts) AS first_failed_attempt,
    max(ts) AS last_failed_attempt
FROM auth
WHERE event_type = 'LOGIN_FAILED'
GROUP BY window_start, user_id
ORDER BY window_start NULLS FIRST, user_id NULLS FIRST

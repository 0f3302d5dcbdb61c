/* weir
description: Users with any event of auth, by minute.
*/
SELECT
    date_trunc('minute', ts) AS window_start,
    window_start + INTERVAL '1 minute' AS window_end,
    count(DISTINCT user_id) AS active_users,
    count(*) AS total_events,
    count(*) FILTER (WHERE event_type = 'LOGIN') AS login_count,
    count(*) FILTER (WHERE event_type = 'LOGOUT') AS logout_count
FROM auth
GROUP BY 1
ORDER BY window_start NULLS FIRST

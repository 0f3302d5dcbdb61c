/* weir
description: Users with any event of auth, by 5 minutes.
*/
SELECT
    time_bucket(INTERVAL '5 minutes', ts) AS window_start,
    window_start + INTERVAL '5 minutes' AS window_end,
    count(DISTINCT user_id) AS active_users,
    count(*) AS total_events,
    count(*) FILTER (WHERE event_type = 'LOGIN') AS login_count,
    count(*) FILTER (WHERE event_type = 'LOGOUT') AS logout_count,
    count(*) FILTER (WHERE event_type = 'SIGNUP') AS register_count
FROM auth
GROUP BY 1
ORDER BY window_start NULLS FIRST

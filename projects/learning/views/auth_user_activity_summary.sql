/* weir
description: Logins, logouts and sessions of each user.
*/
SELECT
    user_id,
    role,
    count(*) FILTER (WHERE event_type = 'LOGIN') AS total_logins,
    count(*) FILTER (WHERE event_type = 'LOGOUT') AS total_logouts,
    min(ts) AS first_activity,
    max(ts) AS last_activity,
    count(DISTINCT session_id) FILTER (WHERE event_type = 'LOGIN') AS unique_sessions
FROM auth
GROUP BY user_id, role
ORDER BY total_logins DESC NULLS LAST, user_id NULLS FIRST, role NULLS FIRST

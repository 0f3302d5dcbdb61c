/* weir
description: Users who logged in on a day, and their sessions.
*/
SELECT
    ts::DATE AS date,
    count(DISTINCT user_id) AS daily_active_users,
    count(DISTINCT session_id) AS total_sessions
FROM auth
WHERE event_type = 'LOGIN'
GROUP BY 1
ORDER BY date NULLS FIRST

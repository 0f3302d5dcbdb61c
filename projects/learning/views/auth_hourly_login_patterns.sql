/* weir
description: Logins by day and hour; hours without one are absent.
*/
SELECT ts::DATE AS date, hour(ts)::INTEGER AS hour, count(user_id) AS login_count
FROM auth
WHERE event_type = 'LOGIN'
GROUP BY 1, 2
ORDER BY date NULLS FIRST, hour NULLS FIRST

/* weir
description: "Users with any event, in windows of 5 minutes."
*/
SELECT time_bucket(INTERVAL '5 minutes', ts) AS window_start, window_start + INTERVAL '5 minutes' AS window_end, count(DISTINCT user_id) AS active_users
FROM all_events
GROUP BY 1
ORDER BY window_start NULLS FIRST

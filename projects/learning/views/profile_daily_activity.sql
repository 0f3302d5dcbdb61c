/* weir
description: Events of profiles by day and type.
*/
SELECT ts::DATE AS date, event_type, count(DISTINCT user_id) AS unique_users, count(user_id) AS event_count
FROM profile
GROUP BY 1, 2
ORDER BY date NULLS FIRST, event_type NULLS FIRST

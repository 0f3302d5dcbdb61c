/* weir
description: Users with any event, by day and role.
*/
SELECT ts::DATE AS date, role, count(DISTINCT user_id) AS active_users, count(*) AS event_count
FROM (
    SELECT ts, role, user_id FROM auth
    UNION ALL
    SELECT ts, role, user_id FROM assessment
    UNION ALL
    SELECT ts, role, user_id FROM video
    UNION ALL
    SELECT ts, role, user_id FROM course
    UNION ALL
    SELECT ts, role, user_id FROM profile
    UNION ALL
    SELECT ts, role, user_id FROM notification
) AS events
GROUP BY 1, 2
ORDER BY date NULLS FIRST, role NULLS FIRST

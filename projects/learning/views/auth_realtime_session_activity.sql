/* weir
description: "What each user did in auth, in windows of 5 minutes that begin every minute."
*/
WITH slides AS (
    SELECT
        date_trunc('minute', ts) AS slide,
        user_id,
        count(*) AS events,
        min(ts) AS first_event,
        max(ts) AS last_event,
        count(*) FILTER (WHERE event_type = 'LOGIN') AS logins,
        count(*) FILTER (WHERE event_type = 'LOGOUT') AS logouts
    FROM auth
    GROUP BY 1, 2
)
SELECT
    slide - to_minutes(earlier) AS window_start,
    window_start + INTERVAL '5 minutes' AS window_end,
    user_id,
    sum(events)::BIGINT AS event_count,
    min(first_event) AS first_event,
    max(last_event) AS last_event,
    sum(logins)::BIGINT AS logins,
    sum(logouts)::BIGINT AS logouts,
    seconds_between(min(first_event), max(last_event)) AS session_duration_seconds
FROM slides, range(5) AS spread(earlier)
GROUP BY window_start, user_id
ORDER BY window_start NULLS FIRST, user_id NULLS FIRST

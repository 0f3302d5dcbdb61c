/* weir
description: "Notifications of each user, in windows of 5 minutes that begin every minute."
*/
WITH slides AS (
    SELECT
        date_trunc('minute', ts) AS slide,
        user_id,
        notification_type,
        count(*) AS events,
        0 AS received,
        0 AS viewed,
        0 AS clicked
    FROM notification
    GROUP BY 1, 2, 3
    UNION ALL
    SELECT
        date_trunc('minute', sent_time),
        user_id,
        NULL,
        0,
        count(*),
        count(view_time),
        count(click_time)
    FROM delivery_response
    GROUP BY 1, 2
)
SELECT
    slide - to_minutes(earlier) AS window_start,
    window_start + INTERVAL '5 minutes' AS window_end,
    user_id,
    sum(events)::BIGINT AS total_events,
    sum(received)::BIGINT AS received,
    sum(viewed)::BIGINT AS viewed,
    sum(clicked)::BIGINT AS clicked,
    count(DISTINCT notification_type) AS unique_notification_types,
    pct(sum(viewed)::BIGINT, sum(received)::BIGINT) AS view_rate_pct,
    pct(sum(clicked)::BIGINT, sum(received)::BIGINT) AS click_rate_pct
FROM slides, range(5) AS spread(earlier)
GROUP BY window_start, user_id
ORDER BY window_start NULLS FIRST, user_id NULLS FIRST

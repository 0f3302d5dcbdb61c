/* weir
description: How many of the notifications delivered were clicked, by type.
*/
SELECT
    notification_type,
    count(*) AS total_sent,
    count(*) FILTER (WHERE clicked) AS total_clicked,
    pct(count(*) FILTER (WHERE clicked), count(*)) AS click_through_rate
FROM delivery
GROUP BY notification_type
ORDER BY click_through_rate DESC NULLS LAST, notification_type NULLS FIRST

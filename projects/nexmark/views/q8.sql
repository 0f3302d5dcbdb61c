/* weir
description: "Nexmark q8: persons who, in the same tumbling window of 10 s, both joined and opened an auction."
*/
WITH joined AS (
    SELECT id, name, window_of(dateTime, INTERVAL '10 seconds') AS window_start
    FROM person
    GROUP BY ALL
),
opened AS (
    SELECT seller, window_of(dateTime, INTERVAL '10 seconds') AS window_start
    FROM auction
    GROUP BY ALL
)
SELECT joined.id, joined.name, joined.window_start
FROM joined
JOIN opened ON opened.seller = joined.id AND opened.window_start = joined.window_start
ORDER BY joined.window_start, joined.id

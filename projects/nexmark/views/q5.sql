/* weir
description: "Nexmark q5: in each window of 10 s, sliding by 2 s, the auctions with the most bids."
*/
-- Bids are counted once, in slides of 2 s; a window is the sum of its five slides.
WITH slides AS (
    SELECT auction, window_of(dateTime, INTERVAL '2 seconds') AS slide, count(*) AS bids
    FROM bid
    GROUP BY ALL
),
windows AS (
    SELECT auction, slide - to_seconds(2 * earlier) AS window_start, sum(bids)::BIGINT AS bids
    FROM slides
    CROSS JOIN range(5) AS steps(earlier)
    GROUP BY ALL
)
SELECT window_start, window_start + INTERVAL '10 seconds' AS window_end, auction, bids
FROM windows
QUALIFY bids = max(bids) OVER (PARTITION BY window_start)
ORDER BY window_start, auction

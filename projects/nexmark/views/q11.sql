/* weir
description: "Nexmark q11: sessions of each bidder, which end after 10 s without a bid."
*/
-- Bids of one moment are one row first: what is kept for the view is bidders and moments, not bids.
WITH moments AS (
    SELECT bidder, dateTime, count(*) AS bids
    FROM bid
    GROUP BY ALL
),
begun AS (
    SELECT
        *,
        coalesce(dateTime > lag(dateTime) OVER (PARTITION BY bidder ORDER BY dateTime) + INTERVAL '10 seconds', true)
            AS first_of_session
    FROM moments
),
numbered AS (
    SELECT
        *,
        count(*) FILTER (WHERE first_of_session)
            OVER (PARTITION BY bidder ORDER BY dateTime ROWS UNBOUNDED PRECEDING) AS session
    FROM begun
)
SELECT
    bidder,
    sum(bids)::BIGINT AS bids,
    min(dateTime) AS session_start,
    max(dateTime) + INTERVAL '10 seconds' AS session_end
FROM numbered
GROUP BY bidder, session
ORDER BY bidder, session_start

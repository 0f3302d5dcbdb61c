/* weir
description: "Nexmark q7: in each tumbling window of 10 s, the bids with the highest price."
*/
WITH highest AS (
    SELECT window_of(dateTime, INTERVAL '10 seconds') AS window_start, max(price) AS price
    FROM bid
    GROUP BY ALL
)
SELECT highest.window_start, bid.auction, bid.bidder, bid.price, bid.dateTime, bid.extra
FROM bid
JOIN highest
    ON highest.price = bid.price
    AND highest.window_start = window_of(bid.dateTime, INTERVAL '10 seconds')
ORDER BY highest.window_start, bid.dateTime, bid.auction, bid.bidder

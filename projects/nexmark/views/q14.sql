/* weir
description: "Nexmark q14: bids of a middle price in another currency, with the time of day and the number of c in their ballast."
*/
SELECT
    auction,
    bidder,
    converted(price)::DECIMAL(23, 3) AS price,
    CASE
        WHEN hour(dateTime) BETWEEN 8 AND 18 THEN 'dayTime'
        WHEN hour(dateTime) <= 6 OR hour(dateTime) >= 20 THEN 'nightTime'
        ELSE 'otherTime'
    END AS bidTimeType,
    dateTime,
    extra,
    length(extra) - length(replace(extra, 'c', '')) AS c_counts
FROM bid
WHERE converted(price) > 1000000 AND converted(price) < 50000000

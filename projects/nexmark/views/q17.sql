/* weir
description: "Nexmark q17: bids on each auction and day, in three price bands, with the least, greatest, average and total price."
*/
SELECT
    auction,
    strftime(dateTime, '%Y-%m-%d') AS day,
    count(*) AS total_bids,
    count(*) FILTER (WHERE low(price)) AS rank1_bids,
    count(*) FILTER (WHERE middle(price)) AS rank2_bids,
    count(*) FILTER (WHERE high(price)) AS rank3_bids,
    min(price) AS min_price,
    max(price) AS max_price,
    avg(price) AS avg_price,
    sum(price)::BIGINT AS sum_price
FROM bid
GROUP BY 1, 2
ORDER BY auction, day

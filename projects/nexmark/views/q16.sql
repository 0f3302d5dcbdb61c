/* weir
description: "Nexmark q16: bids, bidders and auctions of each channel and day, in three price bands, and the latest minute."
*/
SELECT
    channel,
    strftime(dateTime, '%Y-%m-%d') AS day,
    max(strftime(dateTime, '%H:%M')) AS minute,
    count(*) AS total_bids,
    count(*) FILTER (WHERE low(price)) AS rank1_bids,
    count(*) FILTER (WHERE middle(price)) AS rank2_bids,
    count(*) FILTER (WHERE high(price)) AS rank3_bids,
    count(DISTINCT bidder) AS total_bidders,
    count(DISTINCT bidder) FILTER (WHERE low(price)) AS rank1_bidders,
    count(DISTINCT bidder) FILTER (WHERE middle(price)) AS rank2_bidders,
    count(DISTINCT bidder) FILTER (WHERE high(price)) AS rank3_bidders,
    count(DISTINCT auction) AS total_auctions,
    count(DISTINCT auction) FILTER (WHERE low(price)) AS rank1_auctions,
    count(DISTINCT auction) FILTER (WHERE middle(price)) AS rank2_auctions,
    count(DISTINCT auction) FILTER (WHERE high(price)) AS rank3_auctions
FROM bid
GROUP BY 1, 2
ORDER BY channel, day

/* weir
description: "Nexmark q19: the ten highest bids on each auction, with their rank; of equal ones the earlier first."
*/
SELECT
    auction, bidder, price, channel, url, dateTime, extra,
    row_number() OVER (PARTITION BY auction ORDER BY price DESC, dateTime, bidder, extra) AS rank_number
FROM bid
QUALIFY rank_number <= 10

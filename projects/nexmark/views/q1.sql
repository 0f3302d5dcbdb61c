/* weir
description: "Nexmark q1: bids with the price in another currency."
*/
SELECT auction, bidder, converted(price)::DECIMAL(23, 3) AS price, dateTime, extra
FROM bid

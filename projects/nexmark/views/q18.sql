/* weir
description: "Nexmark q18: the last bid of each bidder on each auction; in one moment the highest."
*/
SELECT DISTINCT ON (bidder, auction) auction, bidder, price, channel, url, dateTime, extra
FROM bid
ORDER BY bidder, auction, dateTime DESC, price DESC, extra

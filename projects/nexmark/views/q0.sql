/* weir
description: "Nexmark q0: every bid, unchanged."
*/
SELECT auction, bidder, price, channel, url, dateTime, extra
FROM bid

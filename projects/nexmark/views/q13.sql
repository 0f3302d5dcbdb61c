/* weir
description: "Nexmark q13: bids with what a static table says about their auction."
*/
SELECT bid.auction, bid.bidder, bid.price, bid.dateTime, side_input.value
FROM bid
JOIN side_input ON side_input.key = bid.auction % 10000

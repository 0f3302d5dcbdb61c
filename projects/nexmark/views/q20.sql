/* weir
description: "Nexmark q20: bids on auctions of category 10, with all that is known of the auction."
*/
SELECT
    bid.auction, bid.bidder, bid.price, bid.channel, bid.url, bid.dateTime, bid.extra,
    auction.itemName, auction.description, auction.initialBid, auction.reserve, auction.dateTime AS opened,
    auction.expires, auction.seller, auction.category, auction.extra AS auction_extra
FROM bid
JOIN auction ON auction.id = bid.auction
WHERE auction.category = 10

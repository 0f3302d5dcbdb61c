/* weir
description: "Nexmark q9: each auction with its winning bid: the highest, of equal ones the earliest, within its time."
*/
SELECT DISTINCT ON (auction.id)
    auction.id, auction.itemName, auction.description, auction.initialBid, auction.reserve,
    auction.dateTime AS opened, auction.expires, auction.seller, auction.category, auction.extra AS auction_extra,
    bid.auction, bid.bidder, bid.price, bid.channel, bid.url, bid.dateTime, bid.extra
FROM auction
JOIN bid ON bid.auction = auction.id AND bid.dateTime BETWEEN auction.dateTime AND auction.expires
ORDER BY auction.id, bid.price DESC, bid.dateTime, bid.bidder, bid.extra

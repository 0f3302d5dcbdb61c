/* weir
description: "Nexmark q23: bids with their bidder as a person, and with each auction that this bidder sells."
*/
SELECT
    bid.auction, bid.bidder, bid.price, bid.channel, bid.url, bid.dateTime,
    person.name, person.emailAddress, person.creditCard, person.city, person.state,
    auction.id AS own_auction, auction.itemName, auction.category
FROM bid
JOIN person ON person.id = bid.bidder
JOIN auction ON auction.seller = bid.bidder

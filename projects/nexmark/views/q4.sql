/* weir
description: "Nexmark q4: the average winning price of each category."
*/
-- An auction is won by its highest bid between its beginning and its end.
WITH winning AS (
    SELECT auction.id, auction.category, max(bid.price) AS price
    FROM auction
    JOIN bid ON bid.auction = auction.id AND bid.dateTime BETWEEN auction.dateTime AND auction.expires
    GROUP BY auction.id, auction.category
)
SELECT category, avg(price) AS average
FROM winning
GROUP BY category
ORDER BY category

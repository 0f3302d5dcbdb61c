/* weir
description: "Nexmark q6: for each seller, the average winning price over the last 10 auctions that were closed and sold."
*/
-- Closed: the stream's time has passed its end.
WITH sold AS (
    SELECT auction.id, auction.seller, auction.expires, max(bid.price) AS price
    FROM auction
    JOIN bid ON bid.auction = auction.id AND bid.dateTime BETWEEN auction.dateTime AND auction.expires
    GROUP BY auction.id, auction.seller, auction.expires
),
latest AS (
    SELECT seller, price
    FROM sold
    WHERE expires < (SELECT max(dateTime) FROM bid)
    QUALIFY row_number() OVER (PARTITION BY seller ORDER BY expires DESC, id DESC) <= 10
)
SELECT seller, avg(price) AS average
FROM latest
GROUP BY seller
ORDER BY seller

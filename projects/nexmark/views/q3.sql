/* weir
description: "Nexmark q3: who sells in category 10 from Oregon, Idaho or California, and which auctions."
*/
SELECT person.name, person.city, person.state, auction.id
FROM auction
JOIN person ON person.id = auction.seller
WHERE auction.category = 10 AND person.state IN ('OR', 'ID', 'CA')

WITH nearer AS (SELECT id, price, kind FROM good)
SELECT a.id, b.price, c.price AS other
FROM good a
ASOF JOIN nearer b ON a.kind = b.kind AND a.price >= b.price
ASOF LEFT JOIN nearer c ON a.price >= c.price AND a.kind <> c.kind

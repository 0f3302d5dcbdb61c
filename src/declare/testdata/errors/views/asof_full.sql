SELECT a.id
FROM good a
ASOF FULL JOIN good b ON a.price >= b.price

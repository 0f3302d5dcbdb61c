SELECT a.id, b.price
FROM good a ASOF JOIN (good b JOIN good c USING (id)) ON a.price >= b.price

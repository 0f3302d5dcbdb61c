WITH good AS (SELECT 1 AS one), other AS (SELECT one FROM good), later AS (SELECT * FROM lateral_typo)
SELECT o.one, (SELECT max(x) FROM (SELECT 1 AS x) good) AS m
FROM other o, LATERAL (SELECT o.one + 1 AS y) l, unnest([1, 2]) u(z), range(3)

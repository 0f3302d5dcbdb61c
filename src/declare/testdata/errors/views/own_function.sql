SELECT id,
  EXACT_SUM(price::DOUBLE) OVER (ORDER BY id) AS so_far,
  list_aggregate([price::DOUBLE], 'exact_sum') AS listed
FROM good

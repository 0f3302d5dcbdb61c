-- a comment
SELECT id,
  FROM good WHER price > 1

SELECT a.id, b.price
FROM good a POSITIONAL JOIN (SELECT price FROM good) b

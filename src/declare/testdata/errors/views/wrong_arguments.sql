SELECT sum(kind) AS s FROM good

SELECT kind, sum(price) AS s FROM good

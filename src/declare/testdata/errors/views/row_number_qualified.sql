SELECT g.id
FROM good g
ORDER BY g.rowid

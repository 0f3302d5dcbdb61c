SELECT rowid AS n, (SELECT max(RowID) FROM (SELECT 1 AS rowid)) AS known
FROM good

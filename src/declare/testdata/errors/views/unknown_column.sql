/* weir
keep: every_interval */

SELECT id, $limit AS l, prise
FROM good

/* weir
descripton: x
keep: newest
*/
SELECT 1 AS a

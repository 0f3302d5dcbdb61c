/* weir
keep: latest
*/
SELECT m, now() AS at FROM numbers

/* weir
description: A key and a value for each number; 10000 of them are what the benchmark looks up in.
*/
SELECT n AS key, md5(concat(n, '/', seed())) AS value
FROM numbers

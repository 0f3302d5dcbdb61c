/* weir
description: fine
*/
SELECT id, twice(price) AS price FROM good WHERE price < $limit;

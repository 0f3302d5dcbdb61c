/* weir
contract: good
*/
SELECT kind AS id, 1 AS price FROM good

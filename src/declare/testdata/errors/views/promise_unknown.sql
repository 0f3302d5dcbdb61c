/* weir
contract: goood
*/
SELECT 1 AS id

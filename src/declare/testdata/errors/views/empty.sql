/* weir
description: nothing
*/
-- nothing

/* weir
description: x
SELECT 1 AS a

/* weir
description: The newest version of each recipe by its url; an event without a url stands alone.
*/
SELECT *
FROM recipe_history
QUALIFY row_number() OVER (
    PARTITION BY CASE WHEN coalesce(url, '') = '' THEN source_file || ':' || source_line END, url
    ORDER BY arrival_date DESC, source_file DESC, source_line DESC
) = 1

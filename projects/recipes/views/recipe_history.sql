/* weir
description: Every event ever taken, with its times understood.
*/
SELECT
    name,
    ingredients,
    url,
    image,
    cookTime,
    recipeYield,
    datePublished,
    prepTime,
    description,
    time_status(cookTime, prepTime) AS time_status,
    duration_seconds(cookTime) AS cook_seconds,
    duration_seconds(prepTime) AS prep_seconds,
    total_seconds(cookTime, prepTime, $times) AS total_seconds,
    _arrival_date AS arrival_date,
    _source_file AS source_file,
    _source_line AS source_line,
    _ingested_at AS ingested_at
FROM recipe_changes

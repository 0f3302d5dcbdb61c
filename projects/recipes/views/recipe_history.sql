/* weir
description: Every event ever taken, with its times understood.
*/
WITH understood AS (
    SELECT
        *,
        duration_seconds(cookTime) AS cook_seconds,
        duration_seconds(prepTime) AS prep_seconds,
        time_status_of(duration_status(cookTime), duration_status(prepTime)) AS time_status
    FROM recipe_changes
)
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
    time_status,
    cook_seconds,
    prep_seconds,
    total_seconds_of(cook_seconds, prep_seconds, time_status, $times) AS total_seconds,
    _arrival_date AS arrival_date,
    _source_file AS source_file,
    _source_line AS source_line,
    _ingested_at AS ingested_at
FROM understood

/* weir
description: The current recipes with the word among their ingredients, and their level.
*/
SELECT
    url,
    name,
    time_status,
    total_seconds,
    difficulty_of(total_seconds, $easy_below_minutes, $hard_above_minutes) AS difficulty
FROM current_recipes
WHERE has_word(ingredients, $word)

/* weir
description: The average total time of the reported recipes in minutes, for each level that has any.
keep: every_interval
contract: difficulty_report
*/
SELECT
    difficulty,
    sum(total_seconds) / (60 * count(*)) AS avg_total_cooking_time
FROM reported_recipes
WHERE difficulty IS NOT NULL
GROUP BY difficulty
ORDER BY CASE difficulty WHEN 'easy' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END

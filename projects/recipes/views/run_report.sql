/* weir
description: What came in, what was rejected and why, and what the report rests on.
keep: every_interval
*/
WITH lines(position, measure, detail, value) AS (
    SELECT 1, 'records', 'read', coalesce(sum(read), 0)
    FROM weir.accounting
    WHERE source = 'recipe_changes' AND kind = 'intake'
    UNION ALL
    SELECT 2, 'records', 'accepted', count(*)
    FROM recipe_history
    UNION ALL
    SELECT 3, 'rejected', rule, count(*)
    FROM weir.quarantine
    WHERE source = 'recipe_changes' AND state = 'pending'
    GROUP BY rule
    UNION ALL
    SELECT 4, 'recipes', 'current', count(*)
    FROM current_recipes
    UNION ALL
    SELECT 5, 'recipes', 'reported', count(*)
    FROM reported_recipes
    UNION ALL
    SELECT 6, 'times', status, count(time_status)
    FROM (VALUES ('known'), ('partial'), ('unknown'), ('invalid')) AS known_statuses(status)
    LEFT JOIN reported_recipes ON time_status = status
    GROUP BY status
    UNION ALL
    SELECT 7, 'level', level, count(difficulty)
    FROM (VALUES ('easy'), ('medium'), ('hard')) AS levels(level)
    LEFT JOIN reported_recipes ON difficulty = level
    GROUP BY level
)
SELECT measure, detail, CAST(value AS BIGINT) AS value
FROM lines
ORDER BY position, detail

/* weir
description: How often each field was changed; a field counts once in an event.
*/
WITH changed AS (
    SELECT user_id, unnest(list_distinct(from_json(updated_fields, '["VARCHAR"]'))) AS field_name
    FROM profile
    WHERE event_type = 'UPDATE_PROFILE'
)
SELECT field_name, count(*) AS total_updates, count(DISTINCT user_id) AS unique_users_updating
FROM changed
GROUP BY field_name
ORDER BY total_updates DESC NULLS LAST, field_name NULLS FIRST

/* weir
description: "Changes of profiles and of their pictures, by minute."
*/
WITH changes AS (
    SELECT
        date_trunc('minute', ts) AS window_start,
        count(DISTINCT user_id) AS users,
        count(*) AS total,
        count(*) FILTER (WHERE event_type = 'UPDATE_PROFILE') AS general,
        list(DISTINCT updated_fields) FILTER (WHERE event_type = 'UPDATE_PROFILE') AS fields
    FROM profile
    WHERE event_type IN ('UPDATE_PROFILE', 'PROFILE_PICTURE_UPDATED', 'CHANGE_AVATAR')
    GROUP BY 1
)
SELECT
    window_start,
    window_start + INTERVAL '1 minute' AS window_end,
    users AS users_updated_profile,
    total AS total_updates,
    general AS general_updates,
    total - general AS avatar_changes,
    coalesce(len(list_distinct(flatten(list_transform(fields, field -> from_json(field, '["VARCHAR"]'))))), 0)
        AS unique_fields_updated
FROM changes
ORDER BY window_start NULLS FIRST

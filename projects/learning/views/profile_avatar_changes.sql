/* weir
description: How often each user changed the picture.
*/
SELECT user_id, count(user_id) AS avatar_changes_count, min(ts) AS first_change, max(ts) AS last_change
FROM profile
WHERE event_type IN ('CHANGE_AVATAR', 'PROFILE_PICTURE_UPDATED')
GROUP BY user_id
ORDER BY avatar_changes_count DESC NULLS LAST, user_id NULLS FIRST

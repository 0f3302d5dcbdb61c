/* weir
description: How often each user changed the profile.
*/
SELECT user_id, count(user_id) AS total_profile_updates, min(ts) AS first_update, max(ts) AS last_update
FROM profile
WHERE event_type = 'UPDATE_PROFILE'
GROUP BY user_id
ORDER BY total_profile_updates DESC NULLS LAST, user_id NULLS FIRST

/* weir
description: First sign-ups by day, source and role.
*/
WITH first_signup AS (
    SELECT DISTINCT ON (user_id) user_id, ts, registration_source, role
    FROM auth
    WHERE event_type = 'SIGNUP'
    ORDER BY user_id, ts, seq
)
SELECT ts::DATE AS date, registration_source, role, count(*) AS new_signups
FROM first_signup
GROUP BY 1, 2, 3
ORDER BY date NULLS FIRST, registration_source NULLS FIRST, role NULLS FIRST

/* weir
description: "Sessions of each user: from the earliest login to the first own logout after it; open ones do not count."
*/
WITH logins AS (
    SELECT user_id, session_id, min(ts) AS logged_in
    FROM auth
    WHERE event_type = 'LOGIN'
    GROUP BY user_id, session_id
),
sessions AS (
    SELECT logins.user_id, logins.session_id, seconds_between(logins.logged_in, min(auth.ts)) AS seconds
    FROM logins
    JOIN auth
        ON auth.event_type = 'LOGOUT'
        AND auth.session_id = logins.session_id
        AND auth.user_id = logins.user_id
        AND auth.ts >= logins.logged_in
    GROUP BY logins.user_id, logins.session_id, logins.logged_in
)
SELECT
    user_id,
    count(*) AS total_sessions,
    sum(seconds)::BIGINT / (60 * count(*)) AS avg_session_duration_minutes,
    min(seconds) / 60 AS min_session_duration_minutes,
    max(seconds) / 60 AS max_session_duration_minutes,
    sum(seconds)::BIGINT / 60 AS total_time_online_minutes
FROM sessions
GROUP BY user_id
ORDER BY total_sessions DESC NULLS LAST, user_id NULLS FIRST

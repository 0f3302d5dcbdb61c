/* weir
description: "Students by how much they did in the last 7 full days: videos watched, assignments submitted, logins."
*/
WITH daily AS (
    SELECT user_id, ts::DATE AS day, count(*) AS interactions
    FROM (
        SELECT user_id, ts FROM auth WHERE role = 'student' AND event_type = 'LOGIN'
        UNION ALL
        SELECT user_id, ts FROM video WHERE role = 'student' AND event_type = 'VIDEO_WATCHED'
        UNION ALL
        SELECT user_id, ts FROM assessment WHERE role = 'student' AND event_type = 'SUBMIT_ASSIGNMENT'
    ) AS events
    GROUP BY 1, 2
),
newest AS (
    SELECT max(date) AS day FROM platform_daily_active_users
),
recent AS (
    SELECT user_id, sum(interactions) AS interactions
    FROM daily, newest
    WHERE daily.day BETWEEN newest.day - 7 AND newest.day - 1
    GROUP BY user_id
),
students AS (
    SELECT
        CASE
            WHEN recent.interactions > 50 THEN 'highly_active'
            WHEN recent.interactions >= 10 THEN 'moderately_active'
            WHEN recent.interactions >= 1 THEN 'low_activity'
            ELSE 'inactive'
        END AS category
    FROM student_overview
    LEFT JOIN recent ON recent.user_id = student_overview.student_id
),
categories AS (
    SELECT unnest(['highly_active', 'moderately_active', 'low_activity', 'inactive']) AS category, unnest([1, 2, 3, 4]) AS place
)
SELECT
    categories.category,
    count(students.category) AS student_count,
    pct(count(students.category), (SELECT count(*) FROM student_overview)) AS percentage
FROM categories
LEFT JOIN students ON students.category = categories.category
GROUP BY categories.category, categories.place
ORDER BY categories.place

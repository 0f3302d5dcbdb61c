/* weir
description: What each student did in each course, over all topics that name one.
keep: none
*/
SELECT user_id, course_id, count(*) AS interactions, max(ts) AS last_activity
FROM (
    SELECT user_id, course_id, ts FROM course WHERE role = 'student' AND course_id IS NOT NULL
    UNION ALL
    SELECT user_id, course_id, ts FROM video WHERE role = 'student' AND course_id IS NOT NULL
    UNION ALL
    SELECT user_id, course_id, ts FROM assessment WHERE role = 'student' AND course_id IS NOT NULL
) AS events
GROUP BY user_id, course_id

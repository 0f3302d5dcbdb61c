/* weir
description: Pairs of student and course ever enrolled; active if the latest enrolment or drop is an enrolment.
keep: none
*/
WITH latest AS (
    SELECT DISTINCT ON (user_id, course_id) user_id, course_id, event_type = 'COURSE_ENROLLED' AS active
    FROM course
    WHERE role = 'student' AND event_type IN ('COURSE_ENROLLED', 'COURSE_DROPPED')
    ORDER BY user_id, course_id, ts DESC, seq DESC
),
enrolled AS (
    SELECT user_id, course_id, min(ts) AS enrollment_date
    FROM course
    WHERE role = 'student' AND event_type = 'COURSE_ENROLLED'
    GROUP BY user_id, course_id
)
SELECT user_id, course_id, enrolled.enrollment_date, latest.active
FROM enrolled
JOIN latest USING (user_id, course_id)

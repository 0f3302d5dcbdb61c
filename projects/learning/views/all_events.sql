/* weir
description: What all topics have in common.
keep: none
*/
SELECT ts, user_id, course_id FROM auth
UNION ALL
SELECT ts, user_id, course_id FROM assessment
UNION ALL
SELECT ts, user_id, course_id FROM video
UNION ALL
SELECT ts, user_id, course_id FROM course
UNION ALL
SELECT ts, user_id, course_id FROM profile
UNION ALL
SELECT ts, user_id, course_id FROM notification

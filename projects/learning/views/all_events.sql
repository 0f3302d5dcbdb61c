/* weir
description: What all topics have in common.
keep: none
*/
SELECT ts, user_id, course_id, broker_ts FROM auth
UNION ALL
SELECT ts, user_id, course_id, broker_ts FROM assessment
UNION ALL
SELECT ts, user_id, course_id, broker_ts FROM video
UNION ALL
SELECT ts, user_id, course_id, broker_ts FROM course
UNION ALL
SELECT ts, user_id, course_id, broker_ts FROM profile
UNION ALL
SELECT ts, user_id, course_id, broker_ts FROM notification

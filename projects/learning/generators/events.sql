/* weir
description: Broker records of the six topics, as a replay file has them.
*/
-- Record n is a pure function of n and the seed. A hundred records make a round with the shares of the categories.
-- reference: entities and types are drawn independently. realistic: a round is five sessions, and what belongs together
-- (session, submission, grade, notification) is the same chain, some rounds apart. The first 340 records sign up
-- everybody, create the courses and enrol the students.
WITH numbered AS (
    SELECT n, (hash(n, seed(), 0) % 1000)::BIGINT AS luck, (hash(n, seed(), 1) >> 1)::BIGINT AS h
    FROM numbers
),
-- What is wrong with the record, and the event that it carries: its own, or an earlier one again.
faulty AS (
    SELECT
        n,
        h,
        CASE
            WHEN $mode = 'reference' OR n < 340 THEN 'none'
            WHEN luck < $duplicate_per_mille THEN CASE WHEN h % 2 = 0 THEN 'again' ELSE 'rewritten' END
            WHEN luck < $duplicate_per_mille + $broken_per_mille THEN 'broken'
            ELSE 'none'
        END AS fault,
        CASE
            WHEN $mode = 'realistic' AND n >= 340 AND luck < $duplicate_per_mille
            THEN greatest(n - 1 - (h // 2) % 2000, 340)
            ELSE n
        END AS m
    FROM numbered
),
placed AS (
    SELECT
        *,
        (hash(m, seed(), 2) >> 1)::BIGINT AS h1,
        (hash(m, seed(), 3) >> 1)::BIGINT AS h2,
        (hash(m, seed(), 4) >> 1)::BIGINT AS h3,
        (hash(m, seed(), 6) % 1000)::BIGINT AS clock_luck,
        m // 100 AS round,
        m % 100 AS place,
        m % 5 AS stream,
        (m % 100) // 5 AS step
    FROM faulty
),
-- realistic: the chain that the record belongs to, so many rounds ago.
chained AS (
    SELECT
        *,
        CASE
            WHEN $mode = 'reference' THEN
                CASE stream WHEN 0 THEN 1 WHEN 1 THEN 3 WHEN 2 THEN 7 WHEN 3 THEN 15 ELSE 30 END
            WHEN step = 9 THEN 40
            WHEN step = 12 THEN 120
            WHEN step = 17 THEN 60
            WHEN step = 15 THEN 2
            WHEN step = 16 THEN 3
            WHEN step IN (7, 14) THEN 0
            ELSE CASE stream WHEN 0 THEN 1 WHEN 1 THEN 5 WHEN 2 THEN 12 WHEN 3 THEN 25 ELSE 45 END * step // 19
        END AS rounds_ago,
        (place * 37 + (hash(m // 100, seed(), 5) % 100)::BIGINT) % 100 AS ticket
    FROM placed
),
-- The type of the event, by its place in the list below.
typed AS (
    SELECT
        *,
        CASE
            WHEN $mode = 'reference' THEN
                CASE
                    WHEN ticket < 15 THEN ticket % 3
                    WHEN ticket < 40 THEN 4 + h1 % 8
                    WHEN ticket < 75 THEN 12
                    WHEN ticket < 93 THEN 13 + h1 % 7
                    WHEN ticket < 96 THEN 24 + h1 % 4
                    ELSE 29 + h1 % 3
                END
            WHEN m < 340 THEN
                CASE WHEN m < 10 THEN 2 WHEN m < 20 THEN 24 WHEN m < 40 THEN 13 WHEN m < 90 THEN 2 WHEN m < 140 THEN 24
                    ELSE 18 END
            ELSE
                CASE step
                    WHEN 0 THEN 0
                    WHEN 1 THEN 15
                    WHEN 4 THEN 16
                    WHEN 6 THEN 17
                    WHEN 7 THEN 4
                    WHEN 9 THEN CASE WHEN h2 % 10 < 8 THEN 5 ELSE 12 END
                    WHEN 11 THEN 8
                    WHEN 12 THEN CASE WHEN h2 % 10 < 8 THEN 10 ELSE 9 END
                    WHEN 14 THEN 29
                    WHEN 15 THEN CASE WHEN h2 % 10 < 7 THEN 30 ELSE 12 END
                    WHEN 16 THEN CASE WHEN h2 % 10 < 4 THEN 31 ELSE 12 END
                    WHEN 17 THEN CASE h2 % 10 WHEN 0 THEN 7 WHEN 1 THEN 11 WHEN 2 THEN 6 WHEN 3 THEN 6 WHEN 4 THEN 9
                        WHEN 5 THEN 9 ELSE 12 END
                    WHEN 18 THEN CASE h2 % 20 WHEN 0 THEN 19 WHEN 1 THEN 18 WHEN 2 THEN 18 WHEN 3 THEN 25 WHEN 4 THEN 25
                        WHEN 5 THEN 26 WHEN 6 THEN 27 WHEN 7 THEN 28 WHEN 8 THEN 3 WHEN 9 THEN 20 WHEN 10 THEN 21
                        WHEN 11 THEN 22 WHEN 12 THEN 23 WHEN 13 THEN 23 WHEN 14 THEN 14 ELSE 12 END
                    WHEN 19 THEN CASE WHEN h2 % 100 < 85 THEN 1 ELSE 12 END
                    ELSE 12
                END
        END AS type,
        greatest(round - rounds_ago, 0) * 5 + CASE WHEN $mode = 'reference' THEN ticket // 3 ELSE stream END AS chain
    FROM chained
),
-- reference: half of the logouts close the session of an earlier login, the others one that nobody opened.
linked AS (
    SELECT
        *,
        CASE
            WHEN $mode = 'reference' AND type = 0 THEN round * 5 + ticket // 3
            WHEN $mode = 'reference' AND type = 1 AND (hash(chain, seed(), 8) % 2)::BIGINT = 0 THEN chain
            WHEN $mode = 'realistic' AND m >= 340 THEN chain
        END AS link
    FROM typed
),
people AS (
    SELECT
        *,
        CASE WHEN link IS NULL THEN h2 ELSE (hash(link, seed(), 7) >> 1)::BIGINT END AS who,
        CASE
            WHEN $mode = 'realistic' AND m < 340 THEN m < 40
            WHEN type IN (9, 10, 11, 13, 14, 20) THEN true
            WHEN $mode = 'realistic' THEN false
            WHEN type BETWEEN 29 AND 31 THEN (h2 // 1024) % 6 = 0
            WHEN type < 4 OR type BETWEEN 24 AND 28
            THEN CASE WHEN link IS NULL THEN h2 // 1024 ELSE (hash(link, seed(), 7) >> 11)::BIGINT END % 2 = 0
            ELSE false
        END AS teacher
    FROM linked
),
things AS (
    SELECT
        *,
        CASE WHEN $mode = 'realistic' AND m < 340 THEN CASE WHEN m < 140 THEN (m - 40) % 50 ELSE (m - 140) // 4 END
            ELSE who % 50 END + 1 AS student,
        CASE
            WHEN $mode = 'reference' THEN h1 // 64 % 20
            WHEN m < 40 THEN m % 20
            WHEN m < 340 THEN ((m - 140) // 4 * 7 + 5 * (m % 4)) % 20
            ELSE (who % 50 * 7 + 5 * (who // 64 % 4)) % 20
        END AS course
    FROM people
),
named AS (
    SELECT
        *,
        numbered(
            CASE WHEN teacher THEN 'GV' ELSE 'SV' END,
            CASE
                WHEN NOT teacher THEN student
                WHEN $mode = 'reference' THEN who % 10 + 1
                WHEN m < 20 THEN m % 10 + 1
                ELSE course // 2 + 1
            END,
            3) AS user_id,
        CASE WHEN teacher THEN 'teacher' ELSE 'student' END AS role,
        numbered('COURSE', course + 1, 3) AS course_id,
        CASE WHEN $mode = 'reference' THEN h3 % 100 ELSE course + 20 * (who // 1024 % 5) END AS assignment,
        CASE WHEN $mode = 'reference' THEN h3 // 128 % 200 ELSE course + 20 * (h3 % 10) END AS video,
        CASE WHEN $mode = 'reference' THEN h3 % 50 ELSE course + 20 * (h3 % 2) END AS quiz,
        CASE WHEN $mode = 'reference' THEN h3 % 10000 ELSE chain % 10000 END AS notification,
        CASE WHEN $mode = 'reference' THEN h1 // 8 ELSE who END AS notification_draw,
        CASE
            WHEN $mode = 'reference' THEN m * 800 + h2 % 700
            ELSE m // $events_per_day * 86400000 + day_clock(m % $events_per_day * 1000000 // $events_per_day)
        END AS made_ms,
        -- When the broker took the record, by the local clock.
        CASE
            WHEN $mode = 'reference' THEN n * 800 + h2 % 700
            ELSE n // $events_per_day * 86400000 + day_clock(n % $events_per_day * 1000000 // $events_per_day)
        END + h % 50 AS kept_ms,
        CASE
            WHEN $mode = 'reference' OR m < 340 THEN 0
            WHEN clock_luck < $late_per_mille
            THEN -least(172800, (1::BIGINT << (h3 % 9 + h2 % 9)) + h1 % (1::BIGINT << (h3 % 9 + h2 % 9)))
            WHEN clock_luck < $late_per_mille + 2 THEN h1 % 240
            ELSE 0
        END AS clock_error
    FROM things
),
sent AS (
    SELECT
        *,
        iso_utc(make_timestamp(epoch_us(CAST($start AS TIMESTAMP)) + kept_ms * 1000 - 25200000000)) AS broker_ts,
        CAST(make_timestamp(epoch_us(CAST($start AS TIMESTAMP)) + (made_ms // 1000 + clock_error) * 1000000) AS VARCHAR)
            AS written_time,
        CASE
            WHEN type < 4 THEN 'AUTH' WHEN type < 12 THEN 'ASSESSMENT' WHEN type = 12 THEN 'VIDEO'
            WHEN type < 24 THEN 'COURSE' WHEN type < 29 THEN 'PROFILE' ELSE 'NOTIFICATION'
        END AS category,
        ([
            'LOGIN', 'LOGOUT', 'SIGNUP', 'LOGIN_FAILED', 'VIEW_ASSIGNMENT_FIRST_TIME', 'SUBMIT_ASSIGNMENT',
            'EDIT_ASSIGNMENT', 'DELETE_ASSIGNMENT', 'QUIZ_COMPLETED', 'VIEW_STUDENT_WORK', 'GRADE_ASSIGNMENT',
            'ASSIGNMENT_REOPENED', 'VIDEO_WATCHED', 'COURSE_CREATED', 'COURSE_DELETED', 'COURSE_VIEW', 'ITEM_CLICK',
            'DOWNLOAD_MATERIAL', 'COURSE_ENROLLED', 'COURSE_DROPPED', 'COURSE_UPDATED', 'COURSE_COMPLETED',
            'FORUM_POST_CREATED', 'ACCESS_COURSE_MATERIAL', 'CREATE_PROFILE', 'UPDATE_PROFILE',
            'PROFILE_PICTURE_UPDATED', 'PASSWORD_CHANGED', 'CHANGE_AVATAR', 'NOTIFICATION_SENT',
            'NOTIFICATION_OPENED', 'NOTIFICATION_CLICKED'
        ])[type + 1] AS event_type,
        CASE
            WHEN type = 12 THEN concat(
                numbered(',"video_id":"VID', video + 1, 3), '","course_id":"', course_id, '","watch_duration_seconds":',
                watch_seconds(h2 % 100), ',"session_id":"', uuid_from(hash(m, seed(), 9), hash(m, seed(), 10)), '"')
            WHEN type < 2 THEN concat(
                ',"session_id":"',
                uuid_from(hash(coalesce(link, -m), seed(), 11), hash(coalesce(link, -m), seed(), 12)), '"')
            WHEN type = 2 THEN concat(
                ',"email":"', lower(user_id), '@university.edu","registration_source":"',
                CASE h3 % 3 WHEN 0 THEN 'web' WHEN 1 THEN 'mobile' ELSE 'admin' END, '"')
            WHEN type = 3 THEN ''
            WHEN type = 8 THEN concat(
                numbered(',"quiz_id":"QUIZ', quiz + 1, 3), '","course_id":"', course_id, '","correct_answers":',
                5 + h2 % 46)
            WHEN type < 12 THEN concat(
                CASE WHEN type > 8 THEN
                    numbered(
                        ',"student_id":"SV', CASE WHEN $mode = 'reference' THEN h2 // 64 % 50 + 1 ELSE student END, 3)
                    || '"'
                END,
                numbered(',"assignment_id":"ASM', assignment + 1, 3), '"',
                CASE WHEN type NOT IN (7, 11) THEN concat(',"course_id":"', course_id, '"') END,
                CASE type
                    WHEN 4 THEN concat(',"assignment_type":"',
                        CASE CASE WHEN $mode = 'reference' THEN h3 // 128 ELSE assignment // 20 END % 4
                            WHEN 0 THEN 'homework' WHEN 1 THEN 'project' WHEN 2 THEN 'essay' ELSE 'lab' END, '"')
                    WHEN 5 THEN concat(
                        ',"file_url":"s3://submissions/', user_id, numbered('_ASM', assignment + 1, 3), '.pdf"')
                    WHEN 6 THEN concat(
                        ',"file_url":"s3://submissions/', user_id, numbered('_ASM', assignment + 1, 3), '_v2.pdf"')
                    WHEN 10 THEN concat(',"score":', 40 + h2 % 61)
                    WHEN 11 THEN concat(',"new_due_date":"', strftime(
                        CAST(CAST($start AS TIMESTAMP) + to_milliseconds(made_ms) AS DATE) + (2 + h2 % 6)::INTEGER,
                        '%Y-%m-%d'), ' 23:59:00"')
                END)
            WHEN type < 24 THEN concat(
                ',"course_id":"', course_id, '"',
                CASE type
                    WHEN 13 THEN concat(
                        ',"course_name":"', course_name(h3 % 5), '","course_code":"CS', 100 + h3 // 8 % 400, '","semester":"',
                        CASE h2 % 3 WHEN 0 THEN 'Fall 2025' WHEN 1 THEN 'Spring 2026' ELSE 'Summer 2026' END,
                        '","max_students":',
                        CASE h2 // 4 % 4 WHEN 0 THEN 30 WHEN 1 THEN 50 WHEN 2 THEN 100 ELSE 150 END)
                    WHEN 16 THEN concat(
                        ',"item_id":"ITEM', 1 + h3 % 500, '","item_type":"',
                        CASE h2 // 64 % 5 WHEN 0 THEN 'lesson' WHEN 1 THEN 'module' WHEN 2 THEN 'quiz'
                            WHEN 3 THEN 'assignment' ELSE 'discussion' END, '"')
                    WHEN 17 THEN concat(',"material_id":"MAT', 1 + h3 % 200, '"')
                    WHEN 23 THEN concat(
                        ',"material_id":"MAT', 1 + h3 % 200, '"',
                        CASE h2 // 64 % 3 WHEN 0 THEN ',"material_type":"slides"' WHEN 1 THEN ',"material_type":null' END)
                END)
            WHEN type = 24 THEN concat(
                ',"email":"', lower(user_id), '@university.edu","full_name":"', person_name(h3 % 5),
                '","date_of_birth":"', 1965 + h3 // 8 % 40, '-0', 1 + h3 // 512 % 9, '-', 10 + h2 % 19, '","gender":"',
                CASE h2 // 64 % 3 WHEN 0 THEN 'male' WHEN 1 THEN 'female' ELSE 'other' END, '","phone_number":"+84 90 ',
                100 + h2 // 512 % 900, ' ', 1000 + h3 // 4096 % 9000,
                CASE WHEN teacher THEN '","major":null,"enrollment_year":null'
                    ELSE concat(
                        '","major":"',
                        CASE h2 // 4096 % 5 WHEN 0 THEN 'Computer Science' WHEN 1 THEN 'Data Science'
                            WHEN 2 THEN 'Software Engineering' WHEN 3 THEN 'Information Technology'
                            ELSE 'Cybersecurity' END,
                        '","enrollment_year":', 2018 + h3 // 65536 % 7)
                END)
            WHEN type = 25 THEN concat(
                ',"updated_fields":["', profile_field(h3 % 4),
                CASE WHEN h2 // 4096 % 2 = 1 THEN concat('","', profile_field((h3 + 1 + h3 // 16 % 3) % 4)) END,
                '"],"old_email":"old.', lower(user_id), '@university.edu","new_email":"', lower(user_id),
                '@university.edu","old_phone":"0901 000 ', 100 + h2 % 900, '","new_phone":"0902 000 ',
                100 + h3 // 64 % 900, '"')
            WHEN type IN (26, 28) THEN concat(',"picture_url":"s3://profiles/', user_id, '_avatar.jpg"')
            WHEN type = 27 THEN ''
            ELSE concat(
                ',"notification_id":"NOTIF', notification + 1, '","notification_type":"',
                CASE notification_draw % 5 WHEN 0 THEN 'assignment_reminder' WHEN 1 THEN 'grade_posted'
                    WHEN 2 THEN 'course_announcement' WHEN 3 THEN 'deadline_approaching' ELSE 'new_message' END,
                '","channel":"',
                CASE notification_draw // 8 % 4 WHEN 0 THEN 'email' WHEN 1 THEN 'push' WHEN 2 THEN 'sms' ELSE 'in_app' END,
                '","related_object_id":"',
                CASE WHEN notification_draw // 64 % 2 = 0 THEN numbered('ASM', assignment + 1, 3) ELSE course_id END,
                '"')
        END AS own_fields,
        -- realistic: half of the users have a producer that names its events.
        CASE
            WHEN $mode = 'realistic' AND student % 2 = 0
            THEN concat(',"event_id":"', uuid_from(hash(m, seed(), 13), hash(m, seed(), 14)), '","schema_version":1')
            ELSE ''
        END AS name
    FROM named
),
written AS (
    SELECT
        *,
        CASE
            WHEN fault = 'rewritten' THEN concat(
                '{ "timestamp" : "', written_time, '" ', own_fields, ',"role":"', role, '"', name, ', "user_id":"',
                CASE WHEN teacher THEN '\u0047V' ELSE '\u0053V' END, substr(user_id, 3), '","event_type":"', event_type,
                '","event_category":"', category, '" }')
            ELSE concat(
                '{"event_category":"', category, '","event_type":"', event_type, '","user_id":"', user_id, '","role":"',
                role, '","timestamp":"', written_time, '"', own_fields, name, '}')
        END AS message
    FROM sent
)
SELECT
    CASE WHEN fault = 'broken' AND h // 2 % 16 = 8 AND category <> 'COURSE' THEN 'course_topic'
        WHEN type < 4 THEN 'auth_topic' WHEN type < 12 THEN 'assessment_topic' WHEN type = 12 THEN 'video_topic'
        WHEN type < 24 THEN 'course_topic' WHEN type < 29 THEN 'profile_topic' ELSE 'notification_topic' END
        AS topic,
    kafka_partition(
        user_id,
        CASE WHEN fault = 'broken' AND h // 2 % 16 = 8 THEN 3 WHEN type BETWEEN 4 AND 12 THEN 5
            WHEN type BETWEEN 24 AND 28 THEN 2 ELSE 3 END)
        AS partition,
    n AS "offset",
    broker_ts,
    user_id AS key,
    CASE
        WHEN fault <> 'broken' THEN message
        ELSE CASE h // 2 % 16
            WHEN 0 THEN NULL
            WHEN 1 THEN ''
            WHEN 2 THEN left(message, length(message) // 2)
            WHEN 3 THEN '[' || message || ']'
            WHEN 4 THEN replace(message, '"event_type"', '"event_typ"')
            WHEN 5 THEN replace(message, '"user_id":"' || user_id || '"', '"user_id":17')
            WHEN 6 THEN replace(message, '"event_type":"', '"event_type":"OLD_')
            WHEN 7 THEN replace(message, '"event_category":"' || category, '"event_category":"SYSTEM')
            WHEN 9 THEN replace(message, '"user_id":"' || user_id, '"user_id":"X' || user_id)
            WHEN 10 THEN replace(message, '"timestamp":"' || left(written_time, 7), '"timestamp":"2025-13')
            WHEN 11 THEN replace(message, '"timestamp":"20', '"timestamp":"21')
            WHEN 12 THEN replace(replace(message, '"course_id"', '"course"'), '"session_id"', '"session"')
            WHEN 13 THEN replace(message, '"role":"', '"role":"head ')
            WHEN 14 THEN left(message, length(message) - 1) || ',}'
            WHEN 15 THEN left(message, length(message) - 1) || ',"score":"high"}'
            ELSE message
        END
    END AS value
FROM written

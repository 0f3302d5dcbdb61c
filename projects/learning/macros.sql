-- The category that owns a type of event; NULL for a type that is not in the catalogue.
CREATE MACRO category_of(event_type) AS
    CASE
        WHEN event_type = 'VIDEO_WATCHED' THEN 'VIDEO'
        WHEN event_type IN (
            'VIEW_ASSIGNMENT_FIRST_TIME', 'SUBMIT_ASSIGNMENT', 'EDIT_ASSIGNMENT', 'DELETE_ASSIGNMENT', 'QUIZ_COMPLETED',
            'VIEW_STUDENT_WORK', 'GRADE_ASSIGNMENT', 'ASSIGNMENT_REOPENED') THEN 'ASSESSMENT'
        WHEN event_type IN (
            'COURSE_CREATED', 'COURSE_DELETED', 'COURSE_VIEW', 'ITEM_CLICK', 'DOWNLOAD_MATERIAL', 'COURSE_ENROLLED',
            'COURSE_DROPPED', 'COURSE_UPDATED', 'COURSE_COMPLETED', 'FORUM_POST_CREATED', 'ACCESS_COURSE_MATERIAL')
            THEN 'COURSE'
        WHEN event_type IN ('LOGIN', 'LOGOUT', 'SIGNUP', 'LOGIN_FAILED') THEN 'AUTH'
        WHEN event_type IN ('NOTIFICATION_SENT', 'NOTIFICATION_OPENED', 'NOTIFICATION_CLICKED') THEN 'NOTIFICATION'
        WHEN event_type IN (
            'CREATE_PROFILE', 'UPDATE_PROFILE', 'PROFILE_PICTURE_UPDATED', 'PASSWORD_CHANGED', 'CHANGE_AVATAR')
            THEN 'PROFILE'
    END;

-- A moment as the wall clock of Asia/Ho_Chi_Minh, which is seven hours ahead and has no summer time.
CREATE MACRO local_clock(moment) AS timezone('UTC', moment) + INTERVAL '7 hours';

-- YYYY-MM-DD, a blank or T, HH:MM:SS, perhaps a fraction, perhaps Z or an offset, as the wall clock of
-- Asia/Ho_Chi_Minh; without a zone it is that already. NULL for everything else, and for days that do not exist.
CREATE MACRO event_time(written) AS
    CASE
        WHEN regexp_full_match(written, '\d{4}-\d\d-\d\d[ T]([01]\d|2[0-3]):[0-5]\d:[0-5]\d')
        THEN TRY_CAST(written AS TIMESTAMP)
        WHEN regexp_full_match(
                 written,
                 '\d{4}-\d\d-\d\d[ T]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)?')
        THEN TRY_CAST(left(written, 19) AS TIMESTAMP)
            + to_microseconds(CAST(left(regexp_extract(written, '\.(\d+)', 1) || '000000', 6) AS BIGINT))
            + CASE
                WHEN ends_with(written, 'Z') THEN INTERVAL '7 hours'
                WHEN regexp_matches(written, '[+-]\d\d:\d\d$')
                THEN to_minutes(
                    420
                    - CAST(left(right(written, 6), 1) || '1' AS INTEGER)
                      * (60 * CAST(left(right(written, 5), 2) AS INTEGER) + CAST(right(written, 2) AS INTEGER)))
                ELSE INTERVAL '0 hours'
            END
    END;

-- Whether a field is there: a value, though perhaps one of the wrong type.
CREATE MACRO present(value, name, type_errors) AS
    CASE
        WHEN CAST(value AS VARCHAR) <> '' THEN true
        ELSE coalesce(contains(type_errors, ',' || name || ','), false)
    END;

-- Whether a JSON array holds texts, at least one and none of them empty.
CREATE MACRO texts_in(list) AS
    regexp_full_match(list, '\[\s*"([^"\\]|\\.)+"\s*(,\s*"([^"\\]|\\.)+"\s*)*\]');

-- a of b in percent, two decimals, half away from zero on the exact quotient; NULL where b is 0, or from 1000 % on.
CREATE MACRO pct(a, b) AS
    TRY_CAST(CAST((20000 * a + b) // (2 * nullif(b, 0)) AS DECIMAL(18, 0)) * CAST(0.01 AS DECIMAL(3, 2)) AS DECIMAL(5, 2));

-- Whole seconds from one time to another.
CREATE MACRO seconds_between(a, b) AS date_diff('second', a, b);

-- Whether an event of a course opens material of it.
CREATE MACRO opens_material(event_type) AS event_type IN ('ACCESS_COURSE_MATERIAL', 'ITEM_CLICK', 'DOWNLOAD_MATERIAL');

-- n in so many minutes, a minute, two decimals, half up on the exact quotient.
CREATE MACRO per_minute(n, minutes) AS
    CAST(CAST((200 * n + minutes) // (2 * minutes) AS DECIMAL(16, 0)) * CAST(0.01 AS DECIMAL(3, 2)) AS DECIMAL(18, 2));

-- The batch of 30 seconds in which a record came, by the broker's clock.
CREATE MACRO replay_batch(broker_ts) AS epoch_us(broker_ts) // 30000000;

-- Whether a window was not over yet when a batch came, by the watermark before it; before there is one, none is.
CREATE MACRO in_time(window_end, watermark) AS watermark IS NULL OR window_end > watermark;

-- For generators/events.sql.

-- Viewing sessions in seconds, by a draw from 0 to 99.
CREATE MACRO watch_seconds(draw) AS
    CASE WHEN draw < 10 THEN 30 WHEN draw < 25 THEN 60 WHEN draw < 45 THEN 120 WHEN draw < 70 THEN 300
        WHEN draw < 85 THEN 600 WHEN draw < 95 THEN 1200 ELSE 1800 END;

-- Milliseconds since midnight, by the share of the day's events that lie before, in millionths: quiet nights, full
-- mornings and evenings.
CREATE MACRO day_clock(y) AS
    CASE
        WHEN y < 40000 THEN y * 21600000 // 40000
        WHEN y < 140000 THEN 21600000 + (y - 40000) * 10800000 // 100000
        WHEN y < 360000 THEN 32400000 + (y - 140000) * 10800000 // 220000
        WHEN y < 460000 THEN 43200000 + (y - 360000) * 7200000 // 100000
        WHEN y < 700000 THEN 50400000 + (y - 460000) * 14400000 // 240000
        WHEN y < 980000 THEN 64800000 + (y - 700000) * 18000000 // 280000
        ELSE 82800000 + (y - 980000) * 3600000 // 20000
    END;

CREATE MACRO course_name(draw) AS
    CASE draw WHEN 0 THEN 'Applied statistics' WHEN 1 THEN 'Data structures' WHEN 2 THEN 'Databases'
        WHEN 3 THEN 'Operating systems' ELSE 'Gi\u1ea3i t\u00edch' END;
CREATE MACRO person_name(draw) AS
    CASE draw WHEN 0 THEN 'Nguy\u1ec5n An' WHEN 1 THEN 'L\u00ea Thu' WHEN 2 THEN 'Tr\u1ea7n Minh' WHEN 3 THEN 'Mary Jones'
        ELSE 'John Smith' END;
CREATE MACRO profile_field(draw) AS
    CASE draw WHEN 0 THEN 'phone_number' WHEN 1 THEN 'email' WHEN 2 THEN 'address' ELSE 'emergency_contact' END;

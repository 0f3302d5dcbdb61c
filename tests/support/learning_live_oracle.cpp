// Every window is a row of a table, and an event is joined with all that it lies in.
#include "support/learning_definition.h"

namespace weir::test {

const std::vector<Definition>& live_definitions() {
    static const std::vector<Definition> all{
        {"active_users",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, COUNT(DISTINCT user_id) AS active_users FROM halves w JOIN "
         "auth e ON e.ts >= w.t0 AND e.ts < w.t1 WHERE event_type = 'LOGIN' GROUP BY 1, 2",
         "window_start"},
        {"platform_active_users",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, COUNT(DISTINCT user_id) AS active_users FROM fives w JOIN "
         "events e ON e.ts >= w.t0 AND e.ts < w.t1 GROUP BY 1, 2",
         "window_start"},
        {"course_popularity",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, course_id, COUNT(*) AS interactions FROM ones w JOIN "
         "events e ON e.ts >= w.t0 AND e.ts < w.t1 WHERE course_id IS NOT NULL GROUP BY 1, 2, 3",
         "window_start, course_id"},
        {"video_engagement",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, video_id, COUNT(*) AS views, COUNT(DISTINCT user_id) AS "
         "unique_viewers, SUM(watch_duration_seconds) AS total_watch_seconds FROM ones w JOIN video e ON e.ts >= w.t0 "
         "AND e.ts < w.t1 GROUP BY 1, 2, 3",
         "window_start, video_id"},
        {"active_users_on_time",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, COUNT(DISTINCT user_id) AS active_users FROM halves w JOIN "
         "auth e ON e.ts >= w.t0 AND e.ts < w.t1 JOIN marks USING (batch) WHERE event_type = 'LOGIN' AND (mark IS NULL "
         "OR w.t1 > mark) GROUP BY 1, 2",
         "window_start"},
        {"course_popularity_on_time",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, course_id, COUNT(*) AS interactions FROM ones w JOIN events "
         "e ON e.ts >= w.t0 AND e.ts < w.t1 JOIN marks USING (batch) WHERE course_id IS NOT NULL AND (mark IS NULL OR "
         "w.t1 > mark) GROUP BY 1, 2, 3",
         "window_start, course_id"},
        {"video_engagement_on_time",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, video_id, COUNT(*) AS views, COUNT(DISTINCT user_id) AS "
         "unique_viewers, SUM(watch_duration_seconds) AS total_watch_seconds FROM ones w JOIN video e ON e.ts >= w.t0 "
         "AND e.ts < w.t1 JOIN marks USING (batch) WHERE event_type = 'VIDEO_WATCHED' AND (mark IS NULL OR w.t1 > "
         "mark) GROUP BY 1, 2, 3",
         "window_start, video_id"},
        {"late_counters",
         "WITH p AS (SELECT 'active_users' AS view, w.t1 <= mark AS late FROM halves w JOIN auth e ON e.ts >= w.t0 AND "
         "e.ts < w.t1 JOIN marks USING (batch) WHERE event_type = 'LOGIN' UNION ALL SELECT 'course_popularity', w.t1 "
         "<= mark FROM ones w JOIN events e ON e.ts >= w.t0 AND e.ts < w.t1 JOIN marks USING (batch) WHERE course_id "
         "IS NOT NULL UNION ALL SELECT 'video_engagement', w.t1 <= mark FROM ones w JOIN video e ON e.ts >= w.t0 AND "
         "e.ts < w.t1 JOIN marks USING (batch) WHERE event_type = 'VIDEO_WATCHED') SELECT view, COUNT(*) AS "
         "window_rows_total, COUNT(*) FILTER (WHERE late) AS window_rows_dropped_late FROM p GROUP BY 1",
         "view"},
        {"auth_realtime_active_users_1min",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, COUNT(DISTINCT user_id) AS active_users, COUNT(*) AS "
         "total_events, SUM((event_type = 'LOGIN')::int) AS login_count, SUM((event_type = 'LOGOUT')::int) AS "
         "logout_count FROM ones w JOIN auth e ON e.ts >= w.t0 AND e.ts < w.t1 GROUP BY 1, 2",
         "window_start"},
        {"auth_realtime_active_users_5min",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, COUNT(DISTINCT user_id) AS active_users, COUNT(*) AS "
         "total_events, SUM((event_type = 'LOGIN')::int) AS login_count, SUM((event_type = 'LOGOUT')::int) AS "
         "logout_count, SUM((event_type = 'SIGNUP')::int) AS register_count FROM fives w JOIN auth e ON e.ts >= w.t0 "
         "AND e.ts < w.t1 GROUP BY 1, 2",
         "window_start"},
        {"auth_realtime_login_rate",
         "WITH c AS (SELECT w.t0 AS window_start, w.t1 AS window_end, SUM((event_type = 'LOGIN')::int) AS s, "
         "SUM((event_type = 'LOGIN_FAILED')::int) AS f, COUNT(DISTINCT user_id) AS u FROM ones w JOIN auth e ON e.ts "
         ">= w.t0 AND e.ts < w.t1 WHERE event_type LIKE 'LOGIN%' GROUP BY 1, 2) SELECT window_start, window_end, s + "
         "f AS total_logins, s AS successful_logins, f AS failed_logins, u AS unique_users, pct(s, s + f) AS "
         "success_rate_pct FROM c",
         "window_start"},
        {"auth_realtime_session_activity",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, user_id, COUNT(*) AS event_count, MIN(ts) AS first_event, "
         "MAX(ts) AS last_event, SUM((event_type = 'LOGIN')::int) AS logins, SUM((event_type = 'LOGOUT')::int) AS "
         "logouts, (epoch(MAX(ts)) - epoch(MIN(ts)))::BIGINT AS session_duration_seconds FROM hops w JOIN auth e ON "
         "e.ts >= w.t0 AND e.ts < w.t1 GROUP BY 1, 2, 3",
         "window_start, user_id"},
        {"auth_realtime_failed_logins",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, user_id, COUNT(*) AS failed_attempt_count, MIN(ts) AS "
         "first_failed_attempt, MAX(ts) AS last_failed_attempt FROM ones w JOIN auth e ON e.ts >= w.t0 AND e.ts < "
         "w.t1 WHERE event_type = 'LOGIN_FAILED' GROUP BY 1, 2, 3",
         "window_start, user_id"},
        {"assessment_realtime_submissions_1min",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, COUNT(*) AS total_submissions, COUNT(DISTINCT user_id) AS "
         "unique_students, COUNT(DISTINCT assignment_id) AS unique_assignments, AVG(score) AS avg_score, MIN(score) "
         "AS min_score, MAX(score) AS max_score FROM ones w JOIN assessment e ON e.ts >= w.t0 AND e.ts < w.t1 WHERE "
         "event_type = 'SUBMIT_ASSIGNMENT' GROUP BY 1, 2",
         "window_start"},
        {"assessment_realtime_active_students",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, user_id AS student_id, course_id, COUNT(*) AS event_count, "
         "COUNT(DISTINCT event_type) AS distinct_actions, SUM((event_type = 'VIEW_ASSIGNMENT_FIRST_TIME')::int) AS "
         "views, SUM((event_type = 'SUBMIT_ASSIGNMENT')::int) AS submissions, NULL::BIGINT AS quiz_starts FROM fives "
         "w JOIN assessment e ON e.ts >= w.t0 AND e.ts < w.t1 WHERE role = 'student' GROUP BY 1, 2, 3, 4",
         "window_start, student_id, course_id"},
        {"assessment_realtime_quiz_attempts",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, quiz_id, user_id, COUNT(*) AS event_count, NULL::BIGINT AS "
         "starts, NULL::BIGINT AS answers, COUNT(*) AS completions, AVG(correct_answers) AS avg_correct_answers, "
         "NULL::DOUBLE AS avg_total_questions FROM fives w JOIN assessment e ON e.ts >= w.t0 AND e.ts < w.t1 WHERE "
         "event_type = 'QUIZ_COMPLETED' GROUP BY 1, 2, 3, 4",
         "window_start, quiz_id, user_id"},
        {"assessment_realtime_grading_queue",
         "WITH s AS (SELECT * FROM assessment WHERE event_type = 'SUBMIT_ASSIGNMENT'), g AS (SELECT * FROM assessment "
         "WHERE event_type = 'GRADE_ASSIGNMENT'), k AS (SELECT DISTINCT w.t0, w.t1, assignment_id FROM fives w JOIN "
         "assessment e ON e.ts >= w.t0 AND e.ts < w.t1 WHERE event_type IN ('SUBMIT_ASSIGNMENT', 'GRADE_ASSIGNMENT')) "
         "SELECT t0 AS window_start, t1 AS window_end, assignment_id, (SELECT COUNT(*) FROM s WHERE s.assignment_id = "
         "k.assignment_id AND s.ts >= t0 AND s.ts < t1) AS submissions, (SELECT COUNT(DISTINCT user_id) FROM s WHERE "
         "s.assignment_id = k.assignment_id AND s.ts >= t0 AND s.ts < t1) AS students_submitted, (SELECT COUNT(*) "
         "FROM g WHERE g.assignment_id = k.assignment_id AND g.ts >= t0 AND g.ts < t1) AS graded, (SELECT "
         "COUNT(DISTINCT student_id) FROM g WHERE g.assignment_id = k.assignment_id AND g.ts >= t0 AND g.ts < t1) AS "
         "students_graded, (SELECT COUNT(*) FROM s WHERE s.assignment_id = k.assignment_id AND s.ts < t1) - (SELECT "
         "COUNT(*) FROM g WHERE g.assignment_id = k.assignment_id AND g.ts < t1) AS pending_grading FROM k",
         "window_start, assignment_id"},
        {"assessment_realtime_submission_rate",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, course_id, COUNT(*) AS submissions, COUNT(DISTINCT "
         "user_id) AS unique_students, COUNT(DISTINCT assignment_id) AS unique_assignments, AVG(score) AS avg_score, "
         "NULL::DOUBLE AS avg_percentage, a_minute(COUNT(*)) AS submissions_per_minute FROM hops w JOIN assessment e "
         "ON e.ts >= w.t0 AND e.ts < w.t1 WHERE event_type = 'SUBMIT_ASSIGNMENT' GROUP BY 1, 2, 3",
         "window_start, course_id"},
        {"video_realtime_viewers_1min",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, COUNT(DISTINCT user_id) AS unique_viewers, COUNT(DISTINCT "
         "video_id) AS videos_watched, COUNT(*) AS total_events, COUNT(*) AS starts, NULL::BIGINT AS pauses, "
         "NULL::BIGINT AS completions, SUM(watch_duration_seconds) AS total_watch_seconds, SUM(watch_duration_seconds "
         "/ 60.0) AS total_watch_minutes FROM ones w JOIN video e ON e.ts >= w.t0 AND e.ts < w.t1 GROUP BY 1, 2",
         "window_start"},
        {"video_realtime_watch_time_5min",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, video_id, course_id, COUNT(DISTINCT user_id) AS "
         "unique_viewers, SUM(watch_duration_seconds) AS total_watch_seconds, AVG(watch_duration_seconds) AS "
         "avg_watch_seconds, MAX(watch_duration_seconds) AS max_watch_seconds, SUM(watch_duration_seconds / 60.0) AS "
         "total_watch_minutes, COUNT(*) AS view_count FROM fives w JOIN video e ON e.ts >= w.t0 AND e.ts < w.t1 GROUP "
         "BY 1, 2, 3, 4",
         "window_start, video_id, course_id"},
        {"video_realtime_engagement_rate",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, video_id, COUNT(*) AS starts, NULL::BIGINT AS pauses, "
         "NULL::BIGINT AS completions, COUNT(DISTINCT user_id) AS unique_users, SUM(watch_duration_seconds) AS "
         "total_watch_seconds, NULL::DECIMAL(5, 2) AS completion_rate_pct, NULL::DECIMAL(5, 2) AS pause_rate_pct, "
         "SUM(watch_duration_seconds)::float8 / COUNT(*) AS avg_watch_per_start FROM fives w JOIN video e ON e.ts >= "
         "w.t0 AND e.ts < w.t1 GROUP BY 1, 2, 3",
         "window_start, video_id"},
        {"video_realtime_popular_videos",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, video_id, course_id, COUNT(DISTINCT user_id) AS "
         "unique_viewers, COUNT(*) AS total_interactions, SUM(watch_duration_seconds) AS total_watch_seconds, "
         "COUNT(*) AS starts, NULL::BIGINT AS completions, NULL::DECIMAL(5, 2) AS completion_rate_pct FROM fives w "
         "JOIN video e ON e.ts >= w.t0 AND e.ts < w.t1 GROUP BY 1, 2, 3, 4",
         "window_start, video_id, course_id"},
        {"video_realtime_concurrent_viewers",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, video_id, COUNT(DISTINCT user_id) AS concurrent_viewers, "
         "COUNT(*) AS event_count, SUM(watch_duration_seconds) AS total_watch_seconds, SUM(watch_duration_seconds / "
         "60.0) AS total_watch_minutes FROM hops w JOIN video e ON e.ts >= w.t0 AND e.ts < w.t1 GROUP BY 1, 2, 3",
         "window_start, video_id"},
        {"course_realtime_active_courses_1min",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, COUNT(DISTINCT course_id) AS active_courses, "
         "COUNT(DISTINCT user_id) AS active_students, COUNT(*) AS total_interactions, SUM((event_type = "
         "'COURSE_ENROLLED')::int) AS enrollments, (SELECT COUNT(*) FROM access a WHERE a.ts >= w.t0 AND a.ts < w.t1) "
         "AS material_accesses, SUM((event_type = 'DOWNLOAD_MATERIAL')::int) AS downloads FROM ones w JOIN course e "
         "ON e.ts >= w.t0 AND e.ts < w.t1 WHERE role = 'student' GROUP BY 1, 2",
         "window_start"},
        {"course_realtime_enrollment_rate",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, course_id, COUNT(*) AS enrollment_count, COUNT(DISTINCT "
         "user_id) AS unique_students, a_minute(COUNT(*)) AS enrollments_per_minute FROM fives w JOIN course e ON "
         "e.ts >= w.t0 AND e.ts < w.t1 WHERE event_type = 'COURSE_ENROLLED' GROUP BY 1, 2, 3",
         "window_start, course_id"},
        {"course_realtime_material_access_5min",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, course_id, material_id, COUNT(DISTINCT user_id) AS "
         "unique_students, COUNT(*) AS access_count, a_minute(COUNT(*)) AS accesses_per_minute FROM fives w JOIN "
         "access e ON e.ts >= w.t0 AND e.ts < w.t1 GROUP BY 1, 2, 3, 4",
         "window_start, course_id, material_id"},
        {"course_realtime_download_activity",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, course_id, material_id, COUNT(DISTINCT user_id) AS "
         "unique_downloaders, COUNT(*) AS download_count, a_minute(COUNT(*)) AS downloads_per_minute FROM fives w "
         "JOIN course e ON e.ts >= w.t0 AND e.ts < w.t1 WHERE event_type = 'DOWNLOAD_MATERIAL' GROUP BY 1, 2, 3, 4",
         "window_start, course_id, material_id"},
        {"course_realtime_engagement_metrics",
         "WITH c AS (SELECT w.t0 AS window_start, w.t1 AS window_end, course_id, COUNT(DISTINCT user_id) AS "
         "active_students, COUNT(*) AS total_interactions, COUNT(DISTINCT event_type) AS distinct_actions, "
         "SUM((event_type = 'COURSE_ENROLLED')::int) AS enrollments, SUM((event_type = 'DOWNLOAD_MATERIAL')::int) AS "
         "downloads, COUNT(DISTINCT CASE event_type WHEN 'DOWNLOAD_MATERIAL' THEN material_id END) AS "
         "unique_resources_downloaded FROM hops w JOIN course e ON e.ts >= w.t0 AND e.ts < w.t1 WHERE role = "
         "'student' GROUP BY 1, 2, 3), a AS (SELECT w.t0 AS window_start, w.t1 AS window_end, course_id, COUNT(*) AS "
         "n, COUNT(DISTINCT material_id) AS m FROM hops w JOIN access e ON e.ts >= w.t0 AND e.ts < w.t1 GROUP BY 1, "
         "2, 3) SELECT window_start, window_end, course_id, active_students, total_interactions, distinct_actions, "
         "enrollments, COALESCE(a.n, 0) AS material_accesses, downloads, COALESCE(a.m, 0) AS "
         "unique_materials_accessed, unique_resources_downloaded, total_interactions::float8 / active_students AS "
         "avg_interactions_per_student FROM c LEFT JOIN a USING (window_start, window_end, course_id)",
         "window_start, course_id"},
        {"profile_realtime_updates_1min",
         "WITH c AS (SELECT w.t0 AS window_start, w.t1 AS window_end, COUNT(DISTINCT user_id) AS u, COUNT(*) AS n, "
         "SUM((event_type = 'UPDATE_PROFILE')::int) AS g FROM ones w JOIN profile e ON e.ts >= w.t0 AND e.ts < w.t1 "
         "WHERE event_type IN ('UPDATE_PROFILE', 'PROFILE_PICTURE_UPDATED', 'CHANGE_AVATAR') GROUP BY 1, 2), f AS "
         "(SELECT w.t0 AS window_start, w.t1 AS window_end, COUNT(DISTINCT field) AS n FROM ones w JOIN (SELECT ts, "
         "unnest(updated_fields) AS field FROM profile WHERE event_type = 'UPDATE_PROFILE') e ON e.ts >= w.t0 AND "
         "e.ts < w.t1 GROUP BY 1, 2) SELECT window_start, window_end, u AS users_updated_profile, c.n AS "
         "total_updates, g AS general_updates, c.n - g AS avatar_changes, COALESCE(f.n, 0) AS unique_fields_updated "
         "FROM c LEFT JOIN f USING (window_start, window_end)",
         "window_start"},
        {"notification_realtime_sent_1min",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, COUNT(*) AS total_sent, COUNT(DISTINCT user_id) AS "
         "unique_recipients, COUNT(DISTINCT notification_type) AS unique_types FROM ones w JOIN notification e ON "
         "e.ts >= w.t0 AND e.ts < w.t1 WHERE event_type = 'NOTIFICATION_SENT' GROUP BY 1, 2",
         "window_start"},
        {"notification_realtime_click_rate_5min",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, notification_type, COUNT(*) AS sent, COUNT(click_time) AS "
         "clicked, COUNT(DISTINCT user_id) AS unique_users, pct(COUNT(click_time), COUNT(*)) AS "
         "click_through_rate_pct FROM fives w JOIN response e ON e.ts >= w.t0 AND e.ts < w.t1 GROUP BY 1, 2, 3",
         "window_start, notification_type"},
        {"notification_realtime_delivery_status",
         "SELECT w.t0 AS window_start, w.t1 AS window_end, notification_id, notification_type, COUNT(*) AS "
         "sent_count, COUNT(view_time) AS viewed_count, COUNT(click_time) AS clicked_count, COUNT(DISTINCT user_id) "
         "AS unique_users, MIN(ts) AS sent_time, MIN(view_time) AS first_view_time, MIN(click_time) AS "
         "first_click_time, (epoch(MIN(view_time)) - epoch(MIN(ts)))::BIGINT AS time_to_view_seconds, "
         "(epoch(MIN(click_time)) - epoch(MIN(ts)))::BIGINT AS time_to_click_seconds FROM fives w JOIN response e ON "
         "e.ts >= w.t0 AND e.ts < w.t1 GROUP BY 1, 2, 3, 4",
         "window_start, notification_id, notification_type"},
        {"notification_realtime_engagement_metrics",
         "WITH n AS (SELECT w.t0 AS window_start, w.t1 AS window_end, user_id, COUNT(*) AS total_events, "
         "COUNT(DISTINCT notification_type) AS t FROM hops w JOIN notification e ON e.ts >= w.t0 AND e.ts < w.t1 "
         "GROUP BY 1, 2, 3), r AS (SELECT w.t0 AS window_start, w.t1 AS window_end, user_id, COUNT(*) AS s, "
         "COUNT(view_time) AS v, COUNT(click_time) AS c FROM hops w JOIN response e ON e.ts >= w.t0 AND e.ts < w.t1 "
         "GROUP BY 1, 2, 3) SELECT window_start, window_end, user_id, total_events, COALESCE(s, 0) AS received, "
         "COALESCE(v, 0) AS viewed, COALESCE(c, 0) AS clicked, t AS unique_notification_types, pct(v, s) AS "
         "view_rate_pct, pct(c, s) AS click_rate_pct FROM n LEFT JOIN r USING (window_start, window_end, user_id)",
         "window_start, user_id"},
        {"platform_summary",
         "SELECT (SELECT COUNT(DISTINCT user_id) FROM events WHERE role = 'student') AS total_students, (SELECT "
         "COUNT(DISTINCT COALESCE(course_id, '')) FROM activity) AS total_courses, (SELECT COALESCE(SUM(videos), 0) "
         "FROM "
         "work WHERE course_id IN (SELECT course_id FROM activity)) AS total_videos_watched, (SELECT "
         "COALESCE(SUM(downloads), 0) FROM work WHERE course_id IN (SELECT course_id FROM activity)) AS "
         "total_materials_downloaded",
         "total_students"},
        {"student_engagement_distribution",
         "WITH d AS (SELECT MAX(ts)::DATE AS d FROM events), n AS (SELECT s.user_id, COUNT(e.ts) AS n FROM (SELECT "
         "DISTINCT user_id FROM events WHERE role = 'student') s LEFT JOIN (SELECT user_id, ts FROM events, d WHERE "
         "role "
         "= 'student' AND event_type IN ('LOGIN', 'VIDEO_WATCHED', 'SUBMIT_ASSIGNMENT') AND ts >= d - 7 AND ts < d) e "
         "USING (user_id) GROUP BY 1), c(o, category, low, high) AS (VALUES (1, 'highly_active', 51, 1000000000), (2, "
         "'moderately_active', 10, 50), (3, 'low_activity', 1, 9), (4, 'inactive', 0, 0)) SELECT category, (SELECT "
         "COUNT(*) FROM n WHERE n BETWEEN low AND high) AS student_count, pct((SELECT COUNT(*) FROM n WHERE n BETWEEN "
         "low AND high), (SELECT COUNT(*) FROM n)) AS percentage FROM c",
         "CASE category WHEN 'highly_active' THEN 1 WHEN 'moderately_active' THEN 2 WHEN 'low_activity' THEN 3 ELSE 4 "
         "END"},
        {"recent_activity",
         "SELECT date_trunc('hour', ts) AS hour, COUNT(*) FILTER (WHERE event_type = 'VIDEO_WATCHED') AS "
         "videos_watched, COUNT(course_id) AS course_interactions, COUNT(DISTINCT course_id) AS active_courses, "
         "COUNT(*) FILTER (WHERE event_type = 'DOWNLOAD_MATERIAL' AND role = 'student') AS materials_downloaded FROM "
         "events WHERE course_id IS NOT NULL OR event_category = 'VIDEO' OR (event_category = 'COURSE' AND role = "
         "'student') GROUP BY 1",
         "hour"},
        {"course_recent_popularity",
         "SELECT course_id, COUNT(*) AS interactions FROM events WHERE course_id IS NOT NULL AND date_trunc('minute', "
         "ts) >= (SELECT date_trunc('minute', MAX(ts)) FROM events WHERE course_id IS NOT NULL) - INTERVAL '1439 "
         "minutes' GROUP BY 1",
         "interactions DESC, course_id"},
        {"video_recent_popularity",
         "SELECT video_id, COUNT(*) AS views, date_trunc('minute', MAX(ts)) + INTERVAL '1 minute' AS window_end FROM "
         "video WHERE date_trunc('minute', ts) >= (SELECT date_trunc('minute', MAX(ts)) FROM video) - INTERVAL '59 "
         "minutes' GROUP BY 1",
         "views DESC, video_id"},
    };
    return all;
}

const char* const live_relations = R"(
CREATE MACRO a_minute(n) AS CAST(n / 5 AS DECIMAL(18, 2));
CREATE MACRO windows(width, step) AS TABLE SELECT t0, t0 + width AS t1 FROM (SELECT unnest(generate_series(
  date_trunc('day', min(ts)) - INTERVAL '1 day', max(ts), step)) AS t0 FROM events);
CREATE TABLE halves AS FROM windows(INTERVAL '1 minute', INTERVAL '30 seconds');
CREATE TABLE ones AS FROM windows(INTERVAL '1 minute', INTERVAL '1 minute');
CREATE TABLE fives AS FROM windows(INTERVAL '5 minutes', INTERVAL '5 minutes');
CREATE TABLE hops AS FROM windows(INTERVAL '5 minutes', INTERVAL '1 minute');
CREATE TABLE marks AS WITH n AS (SELECT batch, MAX(ts) AS t FROM events GROUP BY 1)
  SELECT b.batch, MAX(p.t) - INTERVAL '1 minute' AS mark FROM n b LEFT JOIN n p ON p.batch < b.batch GROUP BY 1;
CREATE TABLE response AS SELECT *, (SELECT MIN(k.ts) FROM notification k WHERE k.event_type = 'NOTIFICATION_OPENED'
  AND k.user_id = d.user_id AND k.notification_id = d.notification_id AND k.ts BETWEEN d.ts AND d.ts + INTERVAL '24 hours')
  AS view_time, (SELECT MIN(k.ts) FROM notification k WHERE k.event_type = 'NOTIFICATION_CLICKED'
  AND k.user_id = d.user_id AND k.notification_id = d.notification_id AND k.ts BETWEEN d.ts AND d.ts + INTERVAL '24 hours')
  AS click_time FROM delivery d;
)";

}  // namespace weir::test

#include "support/learning_oracle.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>

#include "sql/database.h"
#include "support/learning_definition.h"

namespace weir::test {
namespace {

using nlohmann::json;
using Seconds = std::chrono::sys_seconds;

const std::map<std::string, std::string> category_of_type{{"LOGIN", "AUTH"},
                                                          {"LOGOUT", "AUTH"},
                                                          {"SIGNUP", "AUTH"},
                                                          {"LOGIN_FAILED", "AUTH"},
                                                          {"VIEW_ASSIGNMENT_FIRST_TIME", "ASSESSMENT"},
                                                          {"SUBMIT_ASSIGNMENT", "ASSESSMENT"},
                                                          {"EDIT_ASSIGNMENT", "ASSESSMENT"},
                                                          {"DELETE_ASSIGNMENT", "ASSESSMENT"},
                                                          {"QUIZ_COMPLETED", "ASSESSMENT"},
                                                          {"VIEW_STUDENT_WORK", "ASSESSMENT"},
                                                          {"GRADE_ASSIGNMENT", "ASSESSMENT"},
                                                          {"ASSIGNMENT_REOPENED", "ASSESSMENT"},
                                                          {"VIDEO_WATCHED", "VIDEO"},
                                                          {"COURSE_CREATED", "COURSE"},
                                                          {"COURSE_DELETED", "COURSE"},
                                                          {"COURSE_VIEW", "COURSE"},
                                                          {"ITEM_CLICK", "COURSE"},
                                                          {"DOWNLOAD_MATERIAL", "COURSE"},
                                                          {"COURSE_ENROLLED", "COURSE"},
                                                          {"COURSE_DROPPED", "COURSE"},
                                                          {"COURSE_UPDATED", "COURSE"},
                                                          {"COURSE_COMPLETED", "COURSE"},
                                                          {"FORUM_POST_CREATED", "COURSE"},
                                                          {"ACCESS_COURSE_MATERIAL", "COURSE"},
                                                          {"CREATE_PROFILE", "PROFILE"},
                                                          {"UPDATE_PROFILE", "PROFILE"},
                                                          {"PROFILE_PICTURE_UPDATED", "PROFILE"},
                                                          {"PASSWORD_CHANGED", "PROFILE"},
                                                          {"CHANGE_AVATAR", "PROFILE"},
                                                          {"NOTIFICATION_SENT", "NOTIFICATION"},
                                                          {"NOTIFICATION_OPENED", "NOTIFICATION"},
                                                          {"NOTIFICATION_CLICKED", "NOTIFICATION"}};
const std::map<std::string, std::string> topic_of_category{
    {"AUTH", "auth_topic"},     {"ASSESSMENT", "assessment_topic"}, {"VIDEO", "video_topic"},
    {"COURSE", "course_topic"}, {"PROFILE", "profile_topic"},       {"NOTIFICATION", "notification_topic"}};
const std::map<std::string, std::vector<std::string>> mandatory{
    {"LOGIN", {"session_id"}},
    {"LOGOUT", {"session_id"}},
    {"SIGNUP", {"registration_source"}},
    {"VIEW_ASSIGNMENT_FIRST_TIME", {"assignment_id", "course_id", "assignment_type"}},
    {"SUBMIT_ASSIGNMENT", {"assignment_id", "course_id"}},
    {"EDIT_ASSIGNMENT", {"assignment_id", "course_id"}},
    {"DELETE_ASSIGNMENT", {"assignment_id"}},
    {"QUIZ_COMPLETED", {"quiz_id", "course_id", "correct_answers"}},
    {"VIEW_STUDENT_WORK", {"student_id", "assignment_id", "course_id"}},
    {"GRADE_ASSIGNMENT", {"student_id", "assignment_id", "course_id", "score"}},
    {"ASSIGNMENT_REOPENED", {"student_id", "assignment_id"}},
    {"VIDEO_WATCHED", {"video_id", "course_id", "watch_duration_seconds", "session_id"}},
    {"COURSE_CREATED", {"course_id"}},
    {"COURSE_DELETED", {"course_id"}},
    {"COURSE_VIEW", {"course_id"}},
    {"ITEM_CLICK", {"course_id", "item_id", "item_type"}},
    {"DOWNLOAD_MATERIAL", {"course_id", "material_id"}},
    {"COURSE_ENROLLED", {"course_id"}},
    {"COURSE_DROPPED", {"course_id"}},
    {"COURSE_UPDATED", {"course_id"}},
    {"COURSE_COMPLETED", {"course_id"}},
    {"FORUM_POST_CREATED", {"course_id"}},
    {"ACCESS_COURSE_MATERIAL", {"course_id", "material_id"}},
    {"UPDATE_PROFILE", {"updated_fields"}},
    {"NOTIFICATION_SENT", {"notification_id", "notification_type"}},
    {"NOTIFICATION_OPENED", {"notification_id", "notification_type"}},
    {"NOTIFICATION_CLICKED", {"notification_id", "notification_type"}}};
const std::vector<std::string> known_texts{"event_id",
                                           "role",
                                           "device_type",
                                           "ip_address",
                                           "session_id",
                                           "email",
                                           "registration_source",
                                           "assignment_id",
                                           "assignment_type",
                                           "quiz_id",
                                           "student_id",
                                           "file_url",
                                           "new_due_date",
                                           "course_id",
                                           "course_name",
                                           "course_code",
                                           "semester",
                                           "video_id",
                                           "item_id",
                                           "item_type",
                                           "material_id",
                                           "material_type",
                                           "full_name",
                                           "date_of_birth",
                                           "gender",
                                           "phone_number",
                                           "major",
                                           "old_email",
                                           "new_email",
                                           "old_phone",
                                           "new_phone",
                                           "picture_url",
                                           "change_reason",
                                           "notification_id",
                                           "notification_type",
                                           "channel",
                                           "related_object_id"};
const std::vector<std::string> known_integers{"schema_version", "correct_answers",        "score",
                                              "max_students",   "watch_duration_seconds", "enrollment_year"};

int digits(const std::string& text, std::size_t at, std::size_t count) { return std::stoi(text.substr(at, count)); }

// Microseconds of local time; nothing for what is no such time.
std::optional<std::int64_t> local_micros(const std::string& text) {
    static const std::regex shape(R"(\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?)");
    if (!std::regex_match(text, shape)) return std::nullopt;
    const std::chrono::year_month_day day{std::chrono::year(digits(text, 0, 4)),
                                          std::chrono::month(static_cast<unsigned>(digits(text, 5, 2))),
                                          std::chrono::day(static_cast<unsigned>(digits(text, 8, 2)))};
    const int hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
    if (!day.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
    auto micros = (std::chrono::sys_days(day).time_since_epoch().count() * std::int64_t{86400} + hour * 3600 +
                   minute * 60 + second) *
                  1'000'000;
    auto rest = text.substr(19);
    if (rest.starts_with('.')) {
        std::size_t end = 1;
        while (end < rest.size() && std::isdigit(static_cast<unsigned char>(rest[end]))) ++end;
        auto fraction = rest.substr(1, end - 1) + "000000";
        micros += std::stoll(fraction.substr(0, 6));
        rest = rest.substr(end);
    }
    if (rest.empty()) return micros;
    std::int64_t offset = 0;
    if (rest != "Z") {
        const int hours = digits(rest, 1, 2), minutes = digits(rest, 4, 2);
        if (hours > 23 || minutes > 59) return std::nullopt;
        offset = (rest[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    }
    return micros + (7 * 3600 - offset) * 1'000'000;
}

bool text_given(const json& event, const std::string& name) {
    const auto found = event.find(name);
    return found != event.end() && found->is_string() && !found->get_ref<const std::string&>().empty();
}

// The reason of the first check that fails; empty: accepted.
std::string rejected(const json& record, json& event, std::int64_t& micros) {
    const auto& value = record["value"];
    if (!value.is_string() || value.get_ref<const std::string&>().empty()) return "bad_json";
    event = json::parse(value.get_ref<const std::string&>(), nullptr, false);
    if (!event.is_object()) return "bad_json";
    for (const auto* name : {"event_category", "event_type", "user_id", "timestamp"})
        if (!text_given(event, name)) return "missing_field";
    const std::string type = event["event_type"], category = event["event_category"], user = event["user_id"];
    const auto owner = category_of_type.find(type);
    if (owner == category_of_type.end()) return "unknown_type";
    if (owner->second != category || topic_of_category.at(category) != record["topic"]) return "wrong_topic";
    static const std::regex user_shape("(SV|GV)[0-9]{3,}");
    if (!std::regex_match(user, user_shape)) return "bad_user_id";
    const auto time = local_micros(event["timestamp"]);
    if (!time) return "bad_timestamp";
    micros = *time;
    const auto broker = local_micros(record["broker_ts"]);
    if (micros > *broker + 300'000'000) return "future_timestamp";
    if (const auto fields = mandatory.find(type); fields != mandatory.end()) {
        for (const auto& name : fields->second) {
            const auto found = event.find(name);
            if (found == event.end() || found->is_null() || (found->is_string() && found->get<std::string>().empty()))
                return "missing_field";
        }
    }
    for (const auto& name : known_texts) {
        const auto found = event.find(name);
        if (found != event.end() && !found->is_null() && !found->is_string()) return "bad_value";
    }
    for (const auto& name : known_integers) {
        const auto found = event.find(name);
        if (found == event.end() || found->is_null() || *found == "") continue;
        if (!found->is_number_integer()) return "bad_value";
        const auto number = found->get<std::int64_t>();
        if (number < INT32_MIN || number > INT32_MAX) return "bad_value";
        if (name == "watch_duration_seconds" && (number < 0 || number > 86400)) return "bad_value";
        if (name == "correct_answers" && (number < 0 || number > 1000000)) return "bad_value";
        if (name == "score" && (number < 0 || number > 100)) return "bad_value";
    }
    if (const auto role = event.find("role");
        role != event.end() && !role->is_null() && *role != "student" && *role != "teacher")
        return "bad_value";
    if (const auto list = event.find("updated_fields"); list != event.end() && !list->is_null() && *list != "") {
        if (!list->is_array() || list->empty()) return "bad_value";
        for (const auto& item : *list)
            if (!item.is_string() || item.get_ref<const std::string&>().empty()) return "bad_value";
    }
    return {};
}

// The columns of the one table that all relations are cut from.
const std::vector<std::string> columns{"session_id",
                                       "registration_source",
                                       "assignment_id",
                                       "quiz_id",
                                       "course_id",
                                       "assignment_type",
                                       "student_id",
                                       "video_id",
                                       "material_id",
                                       "material_type",
                                       "item_id",
                                       "item_type",
                                       "notification_type",
                                       "notification_id",
                                       "correct_answers",
                                       "score",
                                       "watch_duration_seconds"};

void check(const Status& status) {
    if (!status) throw std::runtime_error(status.error().message);
}

// The corrected definitions as they are specified, and the order of their rows, ties by the keys.
const std::vector<Definition>& definitions() {
    static const std::vector<Definition> all{
        {"auth_daily_active_users",
         "SELECT ts::date AS date, COUNT(DISTINCT user_id) AS daily_active_users, COUNT(DISTINCT session_id) AS "
         "total_sessions FROM auth WHERE event_type = 'LOGIN' GROUP BY 1",
         "date"},
        {"auth_hourly_login_patterns",
         "SELECT ts::date AS date, EXTRACT(HOUR FROM ts)::int AS hour, COUNT(user_id) AS login_count FROM auth WHERE "
         "event_type = 'LOGIN' GROUP BY 1, 2",
         "date, hour"},
        {"auth_user_session_metrics",
         "WITH i AS (SELECT user_id, session_id, MIN(ts) AS t0 FROM auth WHERE event_type = 'LOGIN' GROUP BY 1, 2), p "
         "AS (SELECT i.user_id, i.session_id, mins(i.t0, MIN(o.ts)) AS m FROM i JOIN auth o ON o.event_type = 'LOGOUT' "
         "AND o.session_id = i.session_id AND o.user_id = i.user_id AND o.ts >= i.t0 GROUP BY 1, 2, i.t0) SELECT "
         "user_id, COUNT(*) AS total_sessions, AVG(m) AS avg_session_duration_minutes, MIN(m) AS "
         "min_session_duration_minutes, MAX(m) AS max_session_duration_minutes, SUM(m) AS total_time_online_minutes "
         "FROM p GROUP BY 1",
         "total_sessions DESC, user_id"},
        {"auth_user_activity_summary",
         "SELECT user_id, role, COUNT(*) FILTER (WHERE event_type = 'LOGIN') AS total_logins, COUNT(*) FILTER (WHERE "
         "event_type = 'LOGOUT') AS total_logouts, MIN(ts) AS first_activity, MAX(ts) AS last_activity, COUNT(DISTINCT "
         "session_id) FILTER (WHERE event_type = 'LOGIN') AS unique_sessions FROM auth GROUP BY 1, 2",
         "total_logins DESC, user_id, role"},
        {"auth_registration_analytics",
         "WITH f AS (SELECT DISTINCT ON (user_id) * FROM auth WHERE event_type = 'SIGNUP' ORDER BY user_id, ts, seq) "
         "SELECT ts::date AS date, registration_source, role, COUNT(*) AS new_signups FROM f GROUP BY 1, 2, 3",
         "date, registration_source, role"},
        {"assessment_student_submissions",
         "SELECT user_id, course_id, COUNT(DISTINCT assignment_id) AS total_assignments_submitted, "
         "COUNT(assignment_id) AS total_submissions, MIN(ts) AS first_submission, MAX(ts) AS last_submission FROM "
         "assessment WHERE event_type = 'SUBMIT_ASSIGNMENT' GROUP BY 1, 2",
         "total_assignments_submitted DESC, user_id, course_id"},
        {"assessment_engagement_timeline",
         "WITH v AS (SELECT DISTINCT ON (user_id, assignment_id) user_id, assignment_id, course_id, ts FROM assessment "
         "WHERE event_type = 'VIEW_ASSIGNMENT_FIRST_TIME' ORDER BY user_id, assignment_id, ts, seq), p AS (SELECT "
         "v.user_id, v.course_id, v.assignment_id, hrs(v.ts, MIN(s.ts)) AS h FROM v JOIN assessment s ON s.event_type "
         "= 'SUBMIT_ASSIGNMENT' AND s.user_id = v.user_id AND s.assignment_id = v.assignment_id AND s.ts >= v.ts GROUP "
         "BY 1, 2, 3, v.ts) SELECT user_id, course_id, COUNT(*) AS assignments_completed, AVG(h) AS "
         "avg_hours_to_submit, MIN(h) AS min_hours_to_submit, MAX(h) AS max_hours_to_submit FROM p GROUP BY 1, 2",
         "user_id, course_id"},
        {"assessment_quiz_performance",
         "SELECT user_id, course_id, COUNT(quiz_id) AS total_quizzes_completed, AVG(correct_answers) AS "
         "avg_correct_answers, SUM(correct_answers) AS total_correct_answers, MIN(correct_answers) AS "
         "min_correct_answers, MAX(correct_answers) AS max_correct_answers FROM assessment WHERE event_type = "
         "'QUIZ_COMPLETED' GROUP BY 1, 2",
         "avg_correct_answers DESC, user_id, course_id"},
        {"assessment_grading_stats",
         "SELECT student_id, course_id, COUNT(assignment_id) AS total_assignments_graded, AVG(score) AS "
         "avg_assignment_score, MIN(score) AS min_assignment_score, MAX(score) AS max_assignment_score, SUM(score) AS "
         "total_assignment_score FROM assessment WHERE event_type = 'GRADE_ASSIGNMENT' GROUP BY 1, 2",
         "avg_assignment_score DESC, student_id, course_id"},
        {"assessment_teacher_workload",
         "WITH w AS (SELECT user_id, course_id, COUNT(*) AS n FROM assessment WHERE event_type = 'VIEW_STUDENT_WORK' "
         "GROUP BY 1, 2), g AS (SELECT user_id, course_id, COUNT(*) AS n, AVG(score) AS a FROM assessment WHERE "
         "event_type = 'GRADE_ASSIGNMENT' GROUP BY 1, 2) SELECT user_id, course_id, COALESCE(w.n, 0) AS "
         "total_works_viewed, COALESCE(g.n, 0) AS total_assignments_graded, g.a AS avg_score_given FROM w FULL JOIN g "
         "USING (user_id, course_id)",
         "user_id, course_id"},
        {"assessment_submission_distribution",
         "WITH s AS (SELECT s.*, COALESCE(s.assignment_type, (SELECT v.assignment_type FROM assessment v WHERE "
         "v.event_type = 'VIEW_ASSIGNMENT_FIRST_TIME' AND v.assignment_id = s.assignment_id AND v.ts <= s.ts ORDER BY "
         "v.ts DESC, v.seq DESC LIMIT 1), 'unknown') AS kind FROM assessment s WHERE s.event_type = "
         "'SUBMIT_ASSIGNMENT') SELECT ts::date AS date, course_id, kind AS assignment_type, COUNT(user_id) AS "
         "submissions_count, COUNT(DISTINCT user_id) AS unique_students FROM s GROUP BY 1, 2, 3",
         "date, course_id, assignment_type"},
        {"assessment_student_overall_performance",
         "WITH q AS (SELECT user_id, course_id, COUNT(*) AS n, AVG(correct_answers) AS a FROM assessment WHERE "
         "event_type = 'QUIZ_COMPLETED' GROUP BY 1, 2), g AS (SELECT student_id AS user_id, course_id, COUNT(*) AS n, "
         "AVG(score) AS a FROM assessment WHERE event_type = 'GRADE_ASSIGNMENT' GROUP BY 1, 2) SELECT user_id, "
         "course_id, COALESCE(q.n, 0) AS quizzes_completed, q.a AS avg_quiz_correct, COALESCE(g.n, 0) AS "
         "assignments_graded, g.a AS avg_assignment_score FROM q FULL JOIN g USING (user_id, course_id)",
         "user_id, course_id"},
        {"video_total_watch_time",
         "SELECT user_id, video_id, course_id, SUM(watch_duration_seconds) AS total_watch_seconds, COUNT(session_id) "
         "AS total_watch_sessions, AVG(watch_duration_seconds) AS avg_watch_duration_seconds, "
         "MAX(watch_duration_seconds) AS longest_session_seconds, MIN(watch_duration_seconds) AS "
         "shortest_session_seconds, SUM(watch_duration_seconds) / 60.0 AS total_watch_minutes, "
         "SUM(watch_duration_seconds) / 3600.0 AS total_watch_hours FROM video WHERE event_type = 'VIDEO_WATCHED' "
         "GROUP BY 1, 2, 3",
         "total_watch_seconds DESC, user_id, video_id, course_id"},
        {"video_student_engagement",
         "SELECT user_id, course_id, COUNT(DISTINCT video_id) AS unique_videos_watched, SUM(watch_duration_seconds) AS "
         "total_watch_seconds, COUNT(video_id) AS total_video_events, AVG(watch_duration_seconds) AS "
         "avg_watch_duration_seconds, SUM(watch_duration_seconds) / 3600.0 AS total_watch_hours FROM video WHERE "
         "event_type = 'VIDEO_WATCHED' GROUP BY 1, 2",
         "total_watch_seconds DESC, user_id, course_id"},
        {"video_popularity",
         "SELECT video_id, course_id, COUNT(DISTINCT user_id) AS unique_viewers, SUM(watch_duration_seconds) AS "
         "total_views_seconds, COUNT(user_id) AS total_view_events, AVG(watch_duration_seconds) AS "
         "avg_view_duration_seconds, SUM(watch_duration_seconds) / 3600.0 AS total_views_hours FROM video WHERE "
         "event_type = 'VIDEO_WATCHED' GROUP BY 1, 2",
         "unique_viewers DESC, video_id, course_id"},
        {"video_daily_engagement",
         "SELECT ts::date AS date, course_id, COUNT(DISTINCT user_id) AS active_video_watchers, COUNT(DISTINCT "
         "video_id) AS unique_videos_watched, SUM(watch_duration_seconds) AS total_watch_seconds, COUNT(user_id) AS "
         "total_watch_events, SUM(watch_duration_seconds) / 3600.0 AS total_watch_hours FROM video WHERE event_type = "
         "'VIDEO_WATCHED' GROUP BY 1, 2",
         "date, course_id"},
        {"video_course_metrics",
         "SELECT course_id, COUNT(DISTINCT user_id) AS total_students_watching, COUNT(DISTINCT video_id) AS "
         "total_videos_in_course, SUM(watch_duration_seconds) AS total_course_watch_seconds, "
         "SUM(watch_duration_seconds) / 3600.0 AS total_course_watch_hours FROM video WHERE event_type = "
         "'VIDEO_WATCHED' GROUP BY 1",
         "course_id"},
        {"video_student_course_summary",
         "WITH s AS (SELECT user_id, course_id, COUNT(DISTINCT video_id) AS n, SUM(watch_duration_seconds) AS w, "
         "COUNT(session_id) AS k FROM video WHERE event_type = 'VIDEO_WATCHED' GROUP BY 1, 2), c AS (SELECT course_id, "
         "COUNT(DISTINCT video_id) AS n FROM video WHERE event_type = 'VIDEO_WATCHED' GROUP BY 1) SELECT s.course_id, "
         "s.user_id, s.n AS videos_watched_count, s.w AS total_watch_seconds, s.k AS total_sessions, s.w / 3600.0 AS "
         "total_watch_hours, c.n AS total_videos_in_course, pct(s.n, c.n) AS video_coverage_percentage FROM s LEFT "
         "JOIN c ON c.course_id = s.course_id",
         "user_id, course_id"},
        {"video_drop_off_indicators",
         "SELECT video_id, course_id, COUNT(user_id) AS total_views, AVG(watch_duration_seconds) AS "
         "avg_watch_duration, MIN(watch_duration_seconds) AS min_watch_duration, COUNT(DISTINCT user_id) AS "
         "unique_viewers, CASE WHEN AVG(watch_duration_seconds) < 60 THEN 'High Risk' WHEN AVG(watch_duration_seconds) "
         "< 180 THEN 'Medium Risk' ELSE 'Good Engagement' END AS potential_drop_off FROM video WHERE event_type = "
         "'VIDEO_WATCHED' GROUP BY 1, 2",
         "avg_watch_duration, video_id, course_id"},
        {"course_enrollment_stats",
         "SELECT ts::date AS date, course_id, COUNT(user_id) AS new_enrollments, COUNT(DISTINCT user_id) AS "
         "unique_new_students FROM course WHERE event_type = 'COURSE_ENROLLED' GROUP BY 1, 2",
         "date, course_id"},
        {"course_material_access",
         "SELECT user_id, course_id, COUNT(material_id) AS total_material_accesses, COUNT(DISTINCT material_id) AS "
         "unique_materials_accessed, MIN(ts) AS first_access, MAX(ts) AS last_access FROM access GROUP BY 1, 2",
         "user_id, course_id"},
        {"course_material_popularity",
         "SELECT course_id, material_id, material_type, COUNT(DISTINCT user_id) AS unique_accessors, COUNT(user_id) AS "
         "total_accesses FROM access GROUP BY 1, 2, 3",
         "total_accesses DESC, course_id, material_id, material_type"},
        {"course_download_analytics",
         "SELECT user_id, course_id, COUNT(material_id) AS total_downloads, COUNT(DISTINCT material_id) AS "
         "unique_resources_downloaded FROM course WHERE event_type = 'DOWNLOAD_MATERIAL' GROUP BY 1, 2",
         "total_downloads DESC, user_id, course_id"},
        {"course_resource_download_stats",
         "SELECT course_id, material_id AS resource_id, COUNT(DISTINCT user_id) AS unique_downloaders, COUNT(user_id) "
         "AS total_download_count FROM course WHERE event_type = 'DOWNLOAD_MATERIAL' GROUP BY 1, 2",
         "total_download_count DESC, course_id, resource_id"},
        {"course_activity_summary",
         "WITH e AS (SELECT user_id, COUNT(DISTINCT course_id) AS n FROM course WHERE event_type = 'COURSE_ENROLLED' "
         "GROUP BY 1), m AS (SELECT user_id, COUNT(material_id) AS n, COUNT(DISTINCT course_id) AS c FROM access GROUP "
         "BY 1), d AS (SELECT user_id, COUNT(material_id) AS n FROM course WHERE event_type = 'DOWNLOAD_MATERIAL' "
         "GROUP BY 1) SELECT user_id, COALESCE(e.n, 0) AS courses_enrolled, COALESCE(m.n, 0) AS "
         "total_material_accesses, COALESCE(m.c, 0) AS courses_with_material_access, COALESCE(d.n, 0) AS "
         "total_downloads FROM e FULL JOIN m USING (user_id) FULL JOIN d USING (user_id)",
         "user_id"},
        {"course_daily_engagement",
         "SELECT ts::date AS date, course_id, event_type, COUNT(DISTINCT user_id) AS unique_users, COUNT(user_id) AS "
         "event_count FROM course GROUP BY 1, 2, 3",
         "date, course_id, event_type"},
        {"course_overall_metrics",
         "SELECT course_id, COUNT(*) FILTER (WHERE event_type = 'COURSE_ENROLLED') AS total_enrollments, (SELECT "
         "COUNT(*) FROM access a WHERE a.course_id = c.course_id) AS total_material_accesses, COUNT(*) FILTER (WHERE "
         "event_type = 'DOWNLOAD_MATERIAL') AS total_downloads, COUNT(DISTINCT user_id) FILTER (WHERE role = "
         "'student') AS unique_students_interacting FROM course c GROUP BY 1",
         "total_enrollments DESC, course_id"},
        {"profile_update_frequency",
         "SELECT user_id, COUNT(user_id) AS total_profile_updates, MIN(ts) AS first_update, MAX(ts) AS last_update "
         "FROM profile WHERE event_type = 'UPDATE_PROFILE' GROUP BY 1",
         "total_profile_updates DESC, user_id"},
        {"profile_field_changes",
         "SELECT field_name, COUNT(*) AS total_updates, COUNT(DISTINCT user_id) AS unique_users_updating FROM (SELECT "
         "DISTINCT seq, user_id, field_name FROM (SELECT seq, user_id, UNNEST(updated_fields) AS field_name FROM "
         "profile WHERE event_type = 'UPDATE_PROFILE')) GROUP BY 1",
         "total_updates DESC, field_name"},
        {"profile_avatar_changes",
         "SELECT user_id, COUNT(user_id) AS avatar_changes_count, MIN(ts) AS first_change, MAX(ts) AS last_change FROM "
         "profile WHERE event_type IN ('CHANGE_AVATAR', 'PROFILE_PICTURE_UPDATED') GROUP BY 1",
         "avatar_changes_count DESC, user_id"},
        {"profile_daily_activity",
         "SELECT ts::date AS date, event_type, COUNT(DISTINCT user_id) AS unique_users, COUNT(user_id) AS event_count "
         "FROM profile GROUP BY 1, 2",
         "date, event_type"},
        {"notification_delivery_stats",
         "SELECT notification_type, COUNT(user_id) AS total_sent, COUNT(DISTINCT user_id) AS unique_recipients FROM "
         "notification WHERE event_type = 'NOTIFICATION_SENT' GROUP BY 1",
         "total_sent DESC, notification_type"},
        {"notification_engagement",
         "SELECT user_id, notification_type, COUNT(notification_id) AS notifications_clicked FROM notification WHERE "
         "event_type = 'NOTIFICATION_CLICKED' GROUP BY 1, 2",
         "notifications_clicked DESC, user_id, notification_type"},
        {"notification_click_through_rate",
         "SELECT notification_type, COUNT(*) AS total_sent, COUNT(*) FILTER (WHERE clicked) AS total_clicked, "
         "pct(COUNT(*) FILTER (WHERE clicked), COUNT(*)) AS click_through_rate FROM delivery GROUP BY 1",
         "click_through_rate DESC, notification_type"},
        {"notification_user_preferences",
         "SELECT user_id, notification_type, COUNT(*) AS notifications_received, COUNT(*) FILTER (WHERE clicked) AS "
         "notifications_clicked, pct(COUNT(*) FILTER (WHERE clicked), COUNT(*)) AS engagement_rate FROM delivery GROUP "
         "BY 1, 2",
         "user_id, engagement_rate DESC, notification_type"},
        {"notification_daily_activity",
         "SELECT ts::date AS date, event_type, notification_type, COUNT(DISTINCT user_id) AS unique_users, "
         "COUNT(notification_id) AS event_count FROM notification GROUP BY 1, 2, 3",
         "date, event_type, notification_type"},
        {"notification_user_summary",
         "SELECT u.user_id, COUNT(d.user_id) AS total_received, COUNT(*) FILTER (WHERE d.clicked) AS total_clicked, "
         "pct(COUNT(*) FILTER (WHERE d.clicked), COUNT(d.user_id)) AS overall_engagement_rate FROM (SELECT DISTINCT "
         "user_id FROM notification) u LEFT JOIN delivery d USING (user_id) GROUP BY 1",
         "overall_engagement_rate DESC, user_id"},
        {"course_overview",
         "SELECT b.course_id, (SELECT COUNT(*) FROM enrolment e WHERE e.course_id = b.course_id AND e.active) AS "
         "total_enrolled_students, COALESCE(w.v, 0) AS total_videos_watched, COALESCE(w.d, 0) AS "
         "total_materials_downloaded, COALESCE(w.a, 0) AS total_assignments_submitted, COALESCE(w.q, 0) AS "
         "total_quizzes_completed, w.p / NULLIF(w.g, 0) AS avg_assignment_score, w.c / NULLIF(w.q, 0) AS "
         "avg_quiz_score, b.n AS total_interactions FROM (SELECT course_id, COUNT(*) AS n FROM activity GROUP BY 1) b "
         "LEFT JOIN (SELECT course_id, SUM(videos) AS v, SUM(downloads) AS d, SUM(submissions) AS a, SUM(quizzes) AS "
         "q, SUM(correct)::float8 AS c, SUM(grades) AS g, SUM(points)::float8 AS p FROM work GROUP BY 1) w USING "
         "(course_id)",
         "course_id"},
        {"student_overview",
         "SELECT s.user_id AS student_id, (SELECT COUNT(*) FROM enrolment e WHERE e.user_id = s.user_id AND e.active) "
         "AS total_courses_enrolled, COALESCE(w.v, 0) AS total_videos_watched, COALESCE(w.a, 0) AS "
         "total_assignments_submitted, COALESCE(w.q, 0) AS total_quizzes_completed, COALESCE(l.n, 0) AS total_logins, "
         "COALESCE(w.d, 0) AS total_materials_downloaded, w.p / NULLIF(w.g, 0) AS avg_assignment_score, w.c / "
         "NULLIF(w.q, 0) AS avg_quiz_score, COALESCE(w.s, 0) / 60.0 AS total_watch_time_minutes, l.t AS last_login "
         "FROM (SELECT user_id FROM auth WHERE role = 'student' UNION SELECT user_id FROM assessment WHERE role = "
         "'student' UNION SELECT user_id FROM video WHERE role = 'student' UNION SELECT user_id FROM course WHERE role "
         "= 'student' UNION SELECT user_id FROM profile WHERE role = 'student' UNION SELECT user_id FROM notification "
         "WHERE role = 'student') s LEFT JOIN (SELECT user_id, SUM(videos) AS v, SUM(seconds) AS s, SUM(downloads) AS "
         "d, SUM(submissions) AS a, SUM(quizzes) AS q, SUM(correct)::float8 AS c, SUM(grades) AS g, "
         "SUM(points)::float8 AS p FROM work GROUP BY 1) w USING (user_id) LEFT JOIN (SELECT user_id, COUNT(*) AS n, "
         "MAX(ts) AS t FROM auth WHERE event_type = 'LOGIN' GROUP BY 1) l USING (user_id)",
         "student_id"},
        {"student_course_enrollment",
         "SELECT e.user_id AS student_id, e.course_id, e.enrollment_date, COALESCE(w.videos, 0) AS videos_watched, "
         "COALESCE(w.submissions, 0) AS assignments_submitted, COALESCE(w.quizzes, 0) AS quizzes_completed, "
         "COALESCE(w.downloads, 0) AS materials_downloaded, w.points::float8 / NULLIF(w.grades, 0) AS avg_score, "
         "(SELECT MAX(ts) FROM activity a WHERE a.user_id = e.user_id AND a.course_id = e.course_id) AS last_activity, "
         "e.active FROM enrolment e LEFT JOIN work w USING (user_id, course_id)",
         "student_id, course_id"},
        {"student_course_detailed",
         "SELECT b.user_id AS student_id, b.course_id, COALESCE(w.videos, 0) AS videos_watched, COALESCE(w.seconds, 0) "
         "/ 60.0 AS watch_time_minutes, COALESCE(w.downloads, 0) AS materials_downloaded, COALESCE(w.submissions, 0) "
         "AS assignments_submitted, COALESCE(w.quizzes, 0) AS quizzes_completed, w.points::float8 / NULLIF(w.grades, "
         "0) AS avg_assignment_score, w.correct::float8 / NULLIF(w.quizzes, 0) AS avg_quiz_score, (SELECT COUNT(*) "
         "FROM auth l WHERE l.event_type = 'LOGIN' AND l.user_id = b.user_id) AS total_logins, b.t AS last_activity "
         "FROM (SELECT user_id, course_id, MAX(ts) AS t FROM activity GROUP BY 1, 2) b LEFT JOIN work w USING "
         "(user_id, course_id)",
         "student_id, course_id"},
        {"platform_daily_active_users",
         "SELECT ts::date AS date, role, COUNT(DISTINCT user_id) AS active_users, COUNT(*) AS event_count FROM (SELECT "
         "ts, role, user_id FROM auth UNION ALL SELECT ts, role, user_id FROM assessment UNION ALL SELECT ts, role, "
         "user_id FROM video UNION ALL SELECT ts, role, user_id FROM course UNION ALL SELECT ts, role, user_id FROM "
         "profile UNION ALL SELECT ts, role, user_id FROM notification) x GROUP BY 1, 2",
         "date, role"},
        {"quality_counters", "SELECT topic, counter, value FROM counters", "topic, counter"},
        {"data_quality",
         "WITH s AS (SELECT DISTINCT user_id, session_id FROM auth WHERE event_type IN ('LOGIN', 'LOGOUT')), o AS "
         "(SELECT (SELECT min(ts) FROM auth a WHERE a.event_type = 'LOGIN' AND a.user_id = s.user_id AND a.session_id "
         "= s.session_id) AS i, (SELECT min(ts) FROM auth a WHERE a.event_type = 'LOGOUT' AND a.user_id = s.user_id "
         "AND a.session_id = s.session_id) AS o FROM s), m AS (SELECT 'activity_without_enrolment' AS measure, "
         "(SELECT COUNT(*) FROM (SELECT DISTINCT user_id, course_id FROM activity) a WHERE NOT EXISTS (SELECT 1 FROM "
         "enrolment e WHERE e.user_id = a.user_id AND e.course_id = a.course_id)) AS affected, (SELECT COUNT(*) FROM "
         "(SELECT DISTINCT user_id, course_id FROM activity)) AS total UNION ALL SELECT 'clicked_but_never_sent', "
         "(SELECT COUNT(*) FROM (SELECT DISTINCT user_id, notification_id FROM notification WHERE event_type = "
         "'NOTIFICATION_CLICKED') c WHERE NOT EXISTS (SELECT 1 FROM delivery d WHERE d.user_id = c.user_id AND "
         "d.notification_id = c.notification_id)), (SELECT COUNT(*) FROM (SELECT DISTINCT user_id, notification_id "
         "FROM notification WHERE event_type = 'NOTIFICATION_CLICKED')) UNION ALL SELECT 'events_without_course', "
         "COALESCE(SUM((course_id IS NULL)::INT), 0), COUNT(*) FROM events WHERE event_category IN ('COURSE', 'VIDEO', "
         "'ASSESSMENT') UNION ALL SELECT 'logged_out_before_login', (SELECT COUNT(*) FROM o WHERE o < i), (SELECT "
         "COUNT(*) FROM o) UNION ALL SELECT 'logged_out_without_login', (SELECT COUNT(*) FROM o WHERE i IS NULL), "
         "(SELECT COUNT(*) FROM o)) SELECT measure, affected, total, pct(affected, total) AS percent FROM m",
         "measure"},
    };
    return all;
}

constexpr const char* relations = R"(
SET default_null_order = 'nulls_first_on_asc_last_on_desc';
CREATE MACRO pct(a, b) AS CAST(CASE WHEN b <> 0 THEN floor(a * 10000.0::DOUBLE / b + 0.5) / 100 END AS DECIMAL(5, 2));
CREATE MACRO mins(a, b) AS date_diff('second', a, b) / 60.0;
CREATE MACRO hrs(a, b) AS date_diff('second', a, b) / 3600.0;
CREATE VIEW auth AS SELECT * FROM events WHERE event_category = 'AUTH';
CREATE VIEW assessment AS SELECT * FROM events WHERE event_category = 'ASSESSMENT';
CREATE VIEW video AS SELECT * FROM events WHERE event_category = 'VIDEO';
CREATE VIEW course AS SELECT * FROM events WHERE event_category = 'COURSE';
CREATE VIEW profile AS SELECT * REPLACE (string_split(updated_fields, chr(31)) AS updated_fields)
  FROM events WHERE event_category = 'PROFILE';
CREATE VIEW notification AS SELECT * FROM events WHERE event_category = 'NOTIFICATION';
CREATE TABLE access AS SELECT user_id, course_id, COALESCE(material_id, item_id) AS material_id,
  COALESCE(material_type, item_type, 'material') AS material_type, ts FROM course
  WHERE role = 'student' AND event_type IN ('ACCESS_COURSE_MATERIAL', 'ITEM_CLICK', 'DOWNLOAD_MATERIAL');
CREATE TABLE delivery AS SELECT DISTINCT ON (user_id, notification_id) user_id, notification_id, notification_type, ts,
  EXISTS (SELECT 1 FROM notification k WHERE k.event_type = 'NOTIFICATION_CLICKED' AND k.user_id = n.user_id
  AND k.notification_id = n.notification_id AND k.ts >= n.ts) AS clicked
  FROM notification n WHERE event_type = 'NOTIFICATION_SENT' ORDER BY user_id, notification_id, ts, seq;
CREATE TABLE activity AS SELECT user_id, course_id, ts FROM course WHERE role = 'student' AND course_id IS NOT NULL
  UNION ALL SELECT user_id, course_id, ts FROM video WHERE role = 'student' AND course_id IS NOT NULL
  UNION ALL SELECT user_id, course_id, ts FROM assessment WHERE role = 'student' AND course_id IS NOT NULL;
CREATE TABLE enrolment AS WITH s AS (SELECT DISTINCT ON (user_id, course_id) user_id, course_id,
  event_type = 'COURSE_ENROLLED' AS active FROM course WHERE role = 'student'
  AND event_type IN ('COURSE_ENROLLED', 'COURSE_DROPPED') ORDER BY user_id, course_id, ts DESC, seq DESC)
  SELECT e.user_id, e.course_id, MIN(e.ts) AS enrollment_date, s.active FROM course e JOIN s USING (user_id, course_id)
  WHERE e.role = 'student' AND e.event_type = 'COURSE_ENROLLED' GROUP BY 1, 2, 4;
CREATE TABLE work AS SELECT user_id, course_id, SUM(v) AS videos, SUM(w) AS seconds, SUM(d) AS downloads,
  SUM(a) AS submissions, SUM(q) AS quizzes, SUM(c) AS correct, SUM(g) AS grades, SUM(p) AS points
  FROM (SELECT user_id, course_id, 1 AS v, watch_duration_seconds AS w, 0 AS d, 0 AS a, 0 AS q, 0 AS c, 0 AS g, 0 AS p
  FROM video WHERE role = 'student'
  UNION ALL SELECT user_id, course_id, 0, 0, 1, 0, 0, 0, 0, 0 FROM course
  WHERE role = 'student' AND event_type = 'DOWNLOAD_MATERIAL'
  UNION ALL SELECT user_id, course_id, 0, 0, 0, 1, 0, 0, 0, 0 FROM assessment
  WHERE role = 'student' AND event_type = 'SUBMIT_ASSIGNMENT'
  UNION ALL SELECT user_id, course_id, 0, 0, 0, 0, 1, correct_answers, 0, 0 FROM assessment
  WHERE role = 'student' AND event_type = 'QUIZ_COMPLETED'
  UNION ALL SELECT student_id, course_id, 0, 0, 0, 0, 0, 0, 1, score FROM assessment
  WHERE event_type = 'GRADE_ASSIGNMENT') x GROUP BY 1, 2;
)";

class Appender {
public:
    Appender(sql::Connection& connection, const char* table) {
        duckdb_appender_create(connection.raw(), nullptr, table, &appender_);
    }
    Appender(const Appender&) = delete;
    ~Appender() { duckdb_appender_destroy(&appender_); }
    void text(const std::string& value) { duckdb_append_varchar_length(appender_, value.data(), value.size()); }
    void number(std::int64_t value) { duckdb_append_int64(appender_, value); }
    void nothing() { duckdb_append_null(appender_); }
    void moment(std::int64_t micros) { duckdb_append_timestamp(appender_, {micros}); }
    void end() { duckdb_appender_end_row(appender_); }

private:
    duckdb_appender appender_ = nullptr;
};

void load(sql::Connection& connection, const std::filesystem::path& replay) {
    std::string sql =
        "CREATE TABLE events (seq BIGINT, event_category VARCHAR, event_type VARCHAR, user_id VARCHAR, "
        "role VARCHAR, ts TIMESTAMP, batch BIGINT, updated_fields VARCHAR";
    for (const auto& name : columns) {
        const bool whole = name == "correct_answers" || name == "score" || name == "watch_duration_seconds";
        sql += fmt::format(", {} {}", name, whole ? "BIGINT" : "VARCHAR");
    }
    check(connection.run(sql + "); CREATE TABLE counters (topic VARCHAR, counter VARCHAR, value BIGINT)"));
    std::map<std::pair<std::string, std::string>, std::int64_t> counters;
    std::map<std::string, std::set<std::string>> seen;  // by topic: event ids, and objects in one form
    {
        Appender rows(connection, "events");
        std::ifstream in(replay);
        std::string line;
        for (std::int64_t seq = 1; std::getline(in, line); ++seq) {
            const auto record = json::parse(line);
            const std::string topic = record["topic"];
            ++counters[{topic, "received"}];
            json event;
            std::int64_t micros = 0;
            if (const auto reason = rejected(record, event, micros); !reason.empty()) {
                ++counters[{topic, "rejected_" + reason}];
                continue;
            }
            const auto key =
                text_given(event, "event_id") ? "id " + event["event_id"].get<std::string>() : "object " + event.dump();
            if (!seen[topic].insert(key).second) {
                ++counters[{topic, "duplicate"}];
                continue;
            }
            ++counters[{topic, "accepted"}];
            rows.number(seq);
            for (const auto* name : {"event_category", "event_type", "user_id"}) rows.text(event[name]);
            const std::string user = event["user_id"];
            const auto role = event.find("role");
            rows.text(role != event.end() && role->is_string() ? role->get<std::string>()
                      : user.starts_with("SV")                 ? "student"
                                                               : "teacher");
            rows.moment(micros - (micros % 1'000'000 + 1'000'000) % 1'000'000);
            rows.number(*local_micros(record["broker_ts"]) / 30'000'000);
            const auto list = event.find("updated_fields");
            if (list != event.end() && list->is_array()) {
                std::string joined;
                for (const auto& item : *list)
                    joined += (joined.empty() ? "" : "\x1f") + item.get_ref<const std::string&>();
                rows.text(joined);
            } else {
                rows.nothing();
            }
            for (const auto& name : columns) {
                const auto found = event.find(name);
                if (found == event.end() || found->is_null())
                    rows.nothing();
                else if (found->is_string())
                    rows.text(*found);
                else
                    rows.number(*found);
            }
            rows.end();
        }
    }
    Appender rows(connection, "counters");
    for (const auto& [name, value] : counters) {
        rows.text(name.first);
        rows.text(name.second);
        rows.number(value);
        rows.end();
    }
}

Csv read_csv(const std::filesystem::path& file) {
    std::ifstream in(file);
    if (!in) throw std::runtime_error(fmt::format("{} is not there", file.string()));
    Csv rows;
    std::string line;
    while (std::getline(in, line)) {
        auto& row = rows.emplace_back(1);
        bool quoted = false;
        for (std::size_t i = 0; i < line.size(); ++i) {
            if (line[i] == '"') {
                if (quoted && i + 1 < line.size() && line[i + 1] == '"')
                    row.back() += line[i++];
                else
                    quoted = !quoted;
            } else if (line[i] == ',' && !quoted) {
                row.emplace_back();
            } else {
                row.back() += line[i];
            }
        }
    }
    return rows;
}

std::string joined(const std::vector<std::string>& row) {
    std::string text;
    for (const auto& field : row) text += (text.empty() ? "" : ",") + field;
    return text;
}

bool close(const std::string& a, const std::string& b) {
    if (a.empty() || b.empty()) return a == b;
    const double x = std::stod(a), y = std::stod(b);
    return std::abs(x - y) <= 1e-6 * std::max(1.0, std::abs(x));
}

}  // namespace

LearningAnswers learning_answers(const std::filesystem::path& replay) {
    auto database = sql::Database::open({});
    if (!database) throw std::runtime_error(database.error().message);
    auto connection = database->connect();
    if (!connection) throw std::runtime_error(connection.error().message);
    load(*connection, replay);
    check(connection->run(relations));
    check(connection->run(live_relations));
    LearningAnswers answers;
    auto asked = definitions();
    asked.insert(asked.end(), live_definitions().begin(), live_definitions().end());
    for (const auto& definition : asked) {
        const auto described = connection->describe(std::string(definition.sql));
        if (!described) throw std::runtime_error(fmt::format("{}: {}", definition.name, described.error().message));
        Csv csv(1);
        auto& reals = answers.reals[std::string(definition.name)];
        std::string texts;
        for (const auto& column : *described) {
            csv.front().push_back(column.name);
            reals.push_back(column.type == "DOUBLE");
            texts += fmt::format("{}CAST(\"{}\" AS VARCHAR)", texts.empty() ? "" : ", ", column.name);
        }
        const auto rows = connection->query(
            fmt::format("SELECT {} FROM (SELECT *, row_number() OVER (ORDER BY {}) AS place FROM ({})) ORDER BY place",
                        texts, definition.order, definition.sql));
        if (!rows) throw std::runtime_error(fmt::format("{}: {}", definition.name, rows.error().message));
        for (std::size_t row = 0; row < rows->row_count(); ++row) {
            auto& fields = csv.emplace_back();
            for (std::size_t i = 0; i < reals.size(); ++i) fields.emplace_back(rows->text(row, i));
        }
        answers.views[std::string(definition.name)] = std::move(csv);
    }
    return answers;
}

std::string difference(const Csv& wanted, const std::vector<bool>& reals, const std::filesystem::path& file) {
    const auto found = read_csv(file);
    for (std::size_t row = 0; row < std::max(wanted.size(), found.size()); ++row) {
        if (row >= wanted.size()) return fmt::format("line {}: there is {}", row + 1, joined(found[row]));
        if (row >= found.size()) return fmt::format("line {}: missing {}", row + 1, joined(wanted[row]));
        bool same = wanted[row].size() == found[row].size();
        for (std::size_t i = 0; same && i < wanted[row].size(); ++i)
            same = row > 0 && reals[i] ? close(wanted[row][i], found[row][i]) : wanted[row][i] == found[row][i];
        if (!same)
            return fmt::format("line {}:\n  wanted {}\n  found  {}", row + 1, joined(wanted[row]), joined(found[row]));
    }
    return {};
}

}  // namespace weir::test

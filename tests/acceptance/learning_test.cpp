// The shipped learning project, from the command line: generated events against an independent computation, and small
// replay files with known answers.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <regex>
#include <set>
#include <sstream>

#include "base/murmur2.h"
#include "support/learning_oracle.h"
#include "support/places.h"
#include "support/process.h"
#include "support/server.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path project = source_folder() / "projects" / "learning";

class Learning : public testing::Test {
protected:
    Scratch scratch{"learning"};
    int records = 0;
    std::vector<std::string> wanted_reasons;
    std::string replay;

    Finished weir_at(const std::string& lake, const std::string& command, std::vector<std::string> more) {
        std::vector<std::string> words{weir().string(), command, project.string()};
        words.insert(words.end(), more.begin(), more.end());
        if (!lake.empty()) words.insert(words.end(), {"--lake", (scratch / lake).string()});
        return run(words, {.timeout_seconds = 850});
    }
    void run_ok(const std::string& lake, const fs::path& file) {
        const auto finished =
            weir_at(lake, "run", {"--param", "events=" + file.string(), "--param", "arrival_date=2025-12-20"});
        ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
    }
    void export_ok(const std::string& lake, const std::string& out) {
        const auto finished = weir_at(lake, "export", {"--format", "csv", "--out", (scratch / out).string()});
        ASSERT_EQ(finished.exit_code, 0) << finished.out << finished.err;
    }
    std::string sql(const std::string& lake, const std::string& statement) {
        const auto finished = weir_at(lake, "sql", {statement, "--format", "csv"});
        EXPECT_EQ(finished.exit_code, 0) << statement << "\n" << finished.out << finished.err;
        return finished.out;
    }
    fs::path generated(const std::string& mode, int count, const std::string& seed = "1") {
        const auto file = scratch / (mode + seed + ".jsonl");
        const auto finished = weir_at("", "generate",
                                      {"events", "--count", std::to_string(count), "--seed", seed, "--param",
                                       "mode=" + mode, "--param", "events_per_day=12000", "--out", file.string()});
        EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
        return file;
    }
    // Every exported file against the independent computation, and no file beside them.
    void expect_answers(const fs::path& file, const std::string& out) {
        const auto answers = learning_answers(file);
        std::size_t rows = 0;
        for (const auto& [name, wanted] : answers.views) {
            EXPECT_EQ(difference(wanted, answers.reals.at(name), scratch / out / (name + ".csv")), "") << name;
            rows += wanted.size();
        }
        EXPECT_EQ(answers.views.size(), 82u);
        std::set<std::string> names;
        for (const auto& entry : fs::directory_iterator(scratch / out)) names.insert(entry.path().stem().string());
        for (const auto& name : names) EXPECT_TRUE(answers.views.contains(name)) << name;
        EXPECT_EQ(names.size(), answers.views.size());
        EXPECT_GT(rows, 82u);
    }

    void send(const std::string& topic, const json& value, const std::string& broker = "2025-12-20T00:00:00.000Z") {
        replay +=
            json{{"topic", topic},      {"partition", 0}, {"offset", records++},
                 {"broker_ts", broker}, {"key", nullptr}, {"value", value.is_object() ? json(value.dump()) : value}}
                .dump() +
            "\n";
    }
    static json event(const std::string& category, const std::string& type, const std::string& user,
                      const std::string& time, const json& more = json::object()) {
        json made{{"event_category", category}, {"event_type", type}, {"user_id", user}, {"timestamp", time}};
        made.update(more);
        return made;
    }
    void auth(const std::string& type, const std::string& user, const std::string& time, const json& more) {
        send("auth_topic", event("AUTH", type, user, time, more));
    }
    void course(const std::string& type, const std::string& user, const std::string& time, const json& more) {
        send("course_topic", event("COURSE", type, user, time, more));
    }
    void assessment(const std::string& type, const std::string& user, const std::string& time, const json& more) {
        send("assessment_topic", event("ASSESSMENT", type, user, time, more));
    }
    void notification(const std::string& type, const std::string& user, const std::string& time, const std::string& id,
                      const std::string& kind = "new_message") {
        send("notification_topic", event("NOTIFICATION", "NOTIFICATION_" + type, user, time,
                                         {{"notification_id", id}, {"notification_type", kind}}));
    }
    // Runs what was sent, and checks everything against the independent computation.
    void finish() {
        write(scratch / "replay.jsonl", replay);
        run_ok("lake", scratch / "replay.jsonl");
        export_ok("lake", "out");
        expect_answers(scratch / "replay.jsonl", "out");
    }
    std::string result(const std::string& view) { return read(scratch / "out" / (view + ".csv")); }
};

// WEIR_LEARNING_EVENTS asks for a longer run.
TEST_F(Learning, generated_events_give_what_the_definitions_say) {
    const char* asked = std::getenv("WEIR_LEARNING_EVENTS");
    for (const std::string mode : {"reference", "realistic"}) {
        SCOPED_TRACE(mode);
        const auto file = generated(mode, asked == nullptr ? 40000 : std::atoi(asked));
        run_ok(mode, file);
        export_ok(mode, "out-" + mode);
        expect_answers(file, "out-" + mode);
    }
    // Every reason occurs in the realistic events.
    EXPECT_EQ(sql("realistic", "SELECT count(DISTINCT counter) AS n FROM quality_counters"), "n\n11\n");
}

TEST_F(Learning, the_order_of_arrival_decides_ties_only) {
    const auto file = generated("realistic", 20000);
    std::vector<std::string> lines;
    {
        std::ifstream in(file);
        for (std::string line; std::getline(in, line);) lines.push_back(line);
    }
    std::shuffle(lines.begin(), lines.end(), std::mt19937(7));
    std::string shuffled;
    for (const auto& line : lines) shuffled += line + "\n";
    write(scratch / "shuffled.jsonl", shuffled);
    run_ok("lake", file);
    export_ok("lake", "out");
    run_ok("other", scratch / "shuffled.jsonl");
    export_ok("other", "other-out");
    expect_answers(scratch / "shuffled.jsonl", "other-out");
    const std::set<std::string> with_ties{"auth_registration_analytics",
                                          "assessment_engagement_timeline",
                                          "assessment_submission_distribution",
                                          "student_course_enrollment",
                                          "student_overview",
                                          "course_overview"};
    for (const auto& entry : fs::directory_iterator(scratch / "out")) {
        const auto name = entry.path().stem().string();
        if (with_ties.contains(name) || name.starts_with("notification_")) continue;
        // Of an event that comes twice the first to arrive counts, and that one may be of another batch.
        if (name.ends_with("_on_time") || name == "late_counters") continue;
        EXPECT_EQ(read(entry.path()), read(scratch / "other-out" / (name + ".csv"))) << name;
    }
}

TEST_F(Learning, events_that_arrive_in_pieces_give_the_same) {
    const auto file = generated("realistic", 12000);
    const auto text = read(file);
    const auto middle = text.find('\n', text.size() / 2) + 1;
    write(scratch / "growing.jsonl", text.substr(0, middle));
    run_ok("lake", scratch / "growing.jsonl");
    write(scratch / "growing.jsonl", text);
    run_ok("lake", scratch / "growing.jsonl");
    export_ok("lake", "out");
    expect_answers(file, "out");
    // Once more changes nothing.
    run_ok("lake", scratch / "growing.jsonl");
    EXPECT_EQ(sql("lake", "SELECT count(*) AS n FROM weir.accounting"), "n\n12\n");
}

TEST_F(Learning, a_replay_writes_its_files_and_computes_nothing_else) {
    const auto file = generated("realistic", 20000);
    const auto replayed = weir_at("lake", "run",
                                  {"--replay", "--param", "events=" + file.string(), "--param",
                                   "arrival_date=2025-12-20", "--out", (scratch / "out").string()});
    ASSERT_EQ(replayed.exit_code, 0) << replayed.out << replayed.err;
    const auto answers = learning_answers(file);
    std::set<std::string> names, wanted{"late_counters"};
    for (const std::string stream : {"active_users", "course_popularity", "video_engagement"})
        wanted.insert({stream + "_on_time", stream + "_reconciled"});
    for (const auto& entry : fs::directory_iterator(scratch / "out")) {
        const auto name = entry.path().stem().string();
        names.insert(name);
        const auto view = name.substr(0, name.find("_reconciled"));
        EXPECT_EQ(difference(answers.views.at(view), answers.reals.at(view), entry.path()), "") << name;
    }
    EXPECT_EQ(names, wanted);
    EXPECT_NE(read(scratch / "out" / "active_users_on_time.csv"),
              read(scratch / "out" / "active_users_reconciled.csv"));
    EXPECT_TRUE(fs::exists(scratch / "lake" / "late_counters"));
    EXPECT_FALSE(fs::exists(scratch / "lake" / "student_overview"));

    EXPECT_EQ(weir_at("lake", "run", {"--out", "elsewhere"}).exit_code, 2);
    EXPECT_EQ(weir_at("lake", "run", {"--replay", "--view", "active_users"}).exit_code, 2);
}

TEST_F(Learning, records_are_numbered_over_all_files) {
    const auto login = [&](const std::string& time, const std::string& session) {
        auth("LOGIN", "SV001", "2025-12-10 " + time, {{"session_id", session}});
    };
    login("10:00:00", "a");
    send("auth_topic", "broken");
    login("10:00:01", "b");
    write(scratch / "in" / "2.jsonl", replay);
    run_ok("lake", scratch / "in");
    replay.clear();
    login("10:00:02", "c");
    login("10:00:00", "a");
    login("10:00:03", "d");
    replay.pop_back();  // no line end behind the last one
    write(scratch / "in" / "1.jsonl", replay);
    replay.clear();
    login("10:00:04", "e");
    write(scratch / "in" / "3.jsonl", replay);
    run_ok("lake", scratch / "in");
    write(scratch / "in" / "2.jsonl", read(scratch / "in" / "2.jsonl") + replay.replace(replay.find("04"), 2, "05"));
    run_ok("lake", scratch / "in");
    EXPECT_EQ(sql("lake", "SELECT seq, second(ts) AS s, _source_line AS line FROM auth ORDER BY seq"),
              "seq,s,line\n1,0,1\n3,1,3\n4,2,1\n6,3,3\n7,4,1\n8,5,4\n");
}

TEST_F(Learning, each_reason_is_told_in_its_order) {
    const json login = event("AUTH", "LOGIN", "SV001", "2025-12-10 14:30:00", {{"session_id", "s1"}});
    const auto changed = [&](const json& change) {
        auto made = login;
        for (const auto& [key, value] : change.items()) {
            if (value.is_null())
                made.erase(key);
            else
                made[key] = value;
        }
        return made;
    };
    const auto reject = [&](const std::string& reason, const json& value, const std::string& topic = "auth_topic",
                            const std::string& broker = "2025-12-20T00:00:00.000Z") {
        send(topic, value, broker);
        wanted_reasons.push_back(reason);
    };
    reject("bad_json", nullptr);
    reject("bad_json", "");
    reject("bad_json", "   ");
    reject("bad_json", "[]");
    reject("bad_json", "\"text\"");
    reject("bad_json", login.dump() + ",");
    reject("bad_json", "{\"a\":1,}");
    reject("bad_json", "{\"a\":NaN}");
    reject("bad_json", "{'a':1}");
    for (const auto* name : {"event_category", "event_type", "user_id", "timestamp"}) {
        reject("missing_field", changed({{name, nullptr}}));
        reject("missing_field", changed({{name, ""}}));
        reject("missing_field", changed({{name, 5}}));
    }
    reject("unknown_type", changed({{"event_type", "LOG_IN"}, {"user_id", "x"}}));
    reject("unknown_type", changed({{"event_type", "login"}}));
    reject("wrong_topic", changed({{"event_category", "VIDEO"}, {"user_id", "x"}}));
    reject("wrong_topic", login, "video_topic");
    for (const auto* user : {"SV01", "XX001", "SV001 ", "sv001", "SV00a"})
        reject("bad_user_id", changed({{"user_id", user}, {"timestamp", "x"}}));
    for (const auto* time :
         {"2025-02-29 10:00:00", "2025-12-10", "2025-12-10 10:00", "2025-12-10 24:00:00", "2025-12-10 10:60:00",
          "2025-12-10 10:00:60", "2025-13-10 10:00:00", "2025-12-10  10:00:00", "2025-12-10 10:00:00 Z",
          "2025-12-10 10:00:00.", "2025-12-10 10:00:00+0700", "2025-12-10 10:00:00+07", "10.12.2025 10:00:00"})
        reject("bad_timestamp", changed({{"timestamp", time}, {"session_id", nullptr}}));
    reject("future_timestamp", changed({{"timestamp", "2025-12-20 07:05:01"}, {"session_id", nullptr}}));
    reject("future_timestamp", changed({{"timestamp", "2025-12-20 07:05:00.000001"}}));
    reject("future_timestamp", changed({{"timestamp", "2025-12-20T00:05:01Z"}}));
    reject("missing_field", changed({{"session_id", nullptr}, {"role", "admin"}}));
    reject("missing_field", changed({{"session_id", ""}}));
    reject("bad_value", changed({{"session_id", 5}}));
    reject("bad_value", changed({{"role", "admin"}}));
    reject("bad_value", changed({{"role", 1}}));
    reject("bad_value", changed({{"score", 100.0}}));
    reject("bad_value", changed({{"score", "100"}}));
    reject("bad_value", changed({{"score", 101}}));
    reject("bad_value", changed({{"watch_duration_seconds", -1}}));
    reject("bad_value", changed({{"correct_answers", 1000001}}));
    reject("bad_value", changed({{"updated_fields", json::array()}}));
    reject("bad_value", changed({{"updated_fields", {"email", ""}}}));
    reject("bad_value", changed({{"updated_fields", {"email", 5}}}));
    reject("bad_value", changed({{"updated_fields", "email"}}));
    // Exactly at the limits, and unknown fields of any kind: accepted.
    send("auth_topic", changed({{"timestamp", "2025-12-20 07:05:00"}, {"unknown", {1, 2}}, {"score", 100}}));
    send("auth_topic", changed({{"timestamp", "2025-12-19T23:29:59.75-00:30"}, {"role", nullptr}, {"email", nullptr}}));
    finish();
    std::string reasons;
    for (const auto& reason : wanted_reasons) reasons += reason + "\n";
    std::istringstream found(sql("lake", "SELECT rule FROM weir.quarantine ORDER BY line"));
    std::string line;
    std::getline(found, line);
    std::size_t record = 0;
    for (; std::getline(found, line); ++record) {
        ASSERT_LT(record, wanted_reasons.size());
        EXPECT_EQ(line, wanted_reasons[record]) << "record " << record;
    }
    EXPECT_EQ(record, wanted_reasons.size());
    EXPECT_EQ(sql("lake", "SELECT seq, strftime(ts, '%Y-%m-%d %H:%M:%S') AS ts, role FROM auth ORDER BY seq"),
              "seq,ts,role\n" + std::to_string(record + 1) + ",2025-12-20 07:05:00,student\n" +
                  std::to_string(record + 2) + ",2025-12-20 06:59:59,student\n");
}

TEST_F(Learning, the_same_event_counts_once_however_it_is_written) {
    const std::string written = R"({"event_category":"AUTH","event_type":"LOGIN","user_id":"SV001",)"
                                R"("timestamp":"2025-12-10 14:30:00","session_id":"s1"})";
    send("auth_topic", written);
    send("auth_topic", R"( {"session_id" : "s1","timestamp":"2025-12-10 14:30:00",)"
                       R"("user_id":"\u0053V001","event_type":"LOGIN","event_category":"AUTH" } )");
    send("auth_topic", R"({"event_category":"AUTH","event_type":"LOGIN","user_id":"SV001",)"
                       R"("timestamp":"2025-12-10 14:30:01","session_id":"s1"})");
    // A name makes it another event; the same name makes it the same one.
    for (const auto* time : {"2025-12-10 14:30:00", "2025-12-10 14:31:00"})
        auth("LOGIN", "SV001", time, {{"session_id", "s1"}, {"event_id", "e1"}});
    // An unknown field belongs to the object.
    for (const int more : {1, 1, 2}) auth("LOGIN", "SV002", "2025-12-10 15:00:00", {{"session_id", "s2"}, {"x", more}});
    finish();
    EXPECT_EQ(sql("lake", "SELECT seq FROM auth ORDER BY seq"), "seq\n1\n3\n4\n6\n8\n");
    EXPECT_EQ(result("quality_counters"),
              "topic,counter,value\nauth_topic,accepted,5\nauth_topic,duplicate,3\nauth_topic,received,8\n");
    EXPECT_EQ(
        sql("lake", "SELECT value FROM auth WHERE seq = 1"), "value\n\"" + [&] {
            std::string quoted;
            for (const char c : written) quoted += c == '"' ? "\"\"" : std::string(1, c);
            return quoted;
        }() + "\"\n");
}

TEST_F(Learning, sessions_end_with_the_first_own_logout) {
    auth("LOGIN", "SV001", "2025-12-10 10:00:00", {{"session_id", "a"}});
    auth("LOGIN", "SV001", "2025-12-10 10:05:00", {{"session_id", "a"}});
    auth("LOGOUT", "SV002", "2025-12-10 10:10:00", {{"session_id", "a"}});
    auth("LOGOUT", "SV001", "2025-12-10 09:59:59", {{"session_id", "a"}});
    auth("LOGOUT", "SV001", "2025-12-10 11:30:00", {{"session_id", "a"}});
    auth("LOGOUT", "SV001", "2025-12-10T04:00:00Z", {{"session_id", "a"}});
    auth("LOGIN", "SV001", "2025-12-10 12:00:00", {{"session_id", "open"}});
    auth("LOGIN", "SV003", "2025-12-10 12:00:00", {{"session_id", "b"}});
    auth("LOGOUT", "SV003", "2025-12-10 12:00:00", {{"session_id", "b"}});
    auth("SIGNUP", "SV004", "2025-12-10 12:00:00", {{"registration_source", "mobile"}});
    auth("SIGNUP", "SV004", "2025-12-10 12:00:00", {{"registration_source", "admin"}});
    auth("SIGNUP", "SV004", "2025-12-09 12:00:00", {{"registration_source", "web"}});
    finish();
    EXPECT_EQ(result("auth_user_session_metrics"),
              "user_id,total_sessions,avg_session_duration_minutes,min_session_duration_minutes,"
              "max_session_duration_minutes,total_time_online_minutes\nSV001,1,60.0,60.0,60.0,60.0\n"
              "SV003,1,0.0,0.0,0.0,0.0\n");
    EXPECT_EQ(result("auth_registration_analytics"),
              "date,registration_source,role,new_signups\n2025-12-09,web,student,1\n");
    EXPECT_EQ(result("video_popularity"),
              "video_id,course_id,unique_viewers,total_views_seconds,total_view_events,avg_view_duration_seconds,"
              "total_views_hours\n");
}

TEST_F(Learning, enrolment_follows_event_time_and_then_arrival) {
    const auto at = [](const char* course_id) { return json{{"course_id", course_id}}; };
    // Dropped first in arrival, enrolled earlier: dropped.
    course("COURSE_DROPPED", "SV001", "2025-12-10 12:00:00", at("C1"));
    course("COURSE_ENROLLED", "SV001", "2025-12-10 10:00:00", at("C1"));
    // The same second: the last to arrive decides.
    course("COURSE_ENROLLED", "SV001", "2025-12-10 10:00:00", at("C2"));
    course("COURSE_DROPPED", "SV001", "2025-12-10 10:00:00", at("C2"));
    course("COURSE_DROPPED", "SV001", "2025-12-10 10:00:00", at("C3"));
    course("COURSE_ENROLLED", "SV001", "2025-12-10 10:00:00", at("C3"));
    // Never enrolled; and a teacher is no student.
    course("COURSE_DROPPED", "SV001", "2025-12-10 10:00:00", at("C4"));
    course("COURSE_CREATED", "GV001", "2025-12-10 10:00:00", at("C5"));
    finish();
    EXPECT_EQ(result("student_course_enrollment"),
              "student_id,course_id,enrollment_date,videos_watched,assignments_submitted,quizzes_completed,"
              "materials_downloaded,avg_score,last_activity,active\n"
              "SV001,C1,2025-12-10 10:00:00,0,0,0,0,,2025-12-10 12:00:00,false\n"
              "SV001,C2,2025-12-10 10:00:00,0,0,0,0,,2025-12-10 10:00:00,false\n"
              "SV001,C3,2025-12-10 10:00:00,0,0,0,0,,2025-12-10 10:00:00,true\n");
    EXPECT_EQ(result("course_overall_metrics"),
              "course_id,total_enrollments,total_material_accesses,total_downloads,unique_students_interacting\n"
              "C1,1,0,0,1\nC2,1,0,0,1\nC3,1,0,0,1\nC4,0,0,0,1\nC5,0,0,0,0\n");
}

TEST_F(Learning, clicks_count_for_what_was_delivered_before_them) {
    for (int i = 0; i < 800; ++i)
        notification("SENT", "SV001", "2025-12-10 10:00:00", "N" + std::to_string(i), "grade_posted");
    notification("CLICKED", "SV001", "2025-12-10 10:00:00", "N0", "grade_posted");
    notification("CLICKED", "SV001", "2025-12-10 09:59:59", "N1", "grade_posted");
    notification("CLICKED", "SV002", "2025-12-10 11:00:00", "N2", "grade_posted");
    // Sent again under another type: the earliest sending counts, of two in one second the first to arrive.
    notification("SENT", "SV003", "2025-12-10 10:00:00", "M", "new_message");
    notification("SENT", "SV003", "2025-12-10 10:00:00", "M", "assignment_reminder");
    notification("SENT", "SV003", "2025-12-10 09:00:00", "K", "new_message");
    notification("SENT", "SV003", "2025-12-10 09:00:00", "J", "new_message");
    notification("CLICKED", "SV003", "2025-12-10 12:00:00", "M", "assignment_reminder");
    notification("CLICKED", "SV003", "2025-12-10 12:00:00", "K", "assignment_reminder");
    finish();
    // 1 of 800 is 0.125 %: half away from zero.
    EXPECT_EQ(result("notification_click_through_rate"),
              "notification_type,total_sent,total_clicked,click_through_rate\nnew_message,3,2,66.67\n"
              "grade_posted,800,1,0.13\n");
    EXPECT_EQ(result("notification_user_summary"),
              "user_id,total_received,total_clicked,overall_engagement_rate\nSV003,3,2,66.67\nSV001,800,1,0.13\n"
              "SV002,0,0,\n");
}

TEST_F(Learning, a_submission_has_the_type_of_the_latest_view) {
    const auto view = [&](const std::string& user, const std::string& time, const std::string& type,
                          const std::string& course_id = "C1") {
        assessment("VIEW_ASSIGNMENT_FIRST_TIME", user, time,
                   {{"assignment_id", "A1"}, {"course_id", course_id}, {"assignment_type", type}});
    };
    const auto submit = [&](const std::string& user, const std::string& time, const json& more = json::object()) {
        json fields{{"assignment_id", "A1"}, {"course_id", "C1"}};
        fields.update(more);
        assessment("SUBMIT_ASSIGNMENT", user, time, fields);
    };
    submit("SV001", "2025-12-10 09:00:00");
    view("SV002", "2025-12-10 10:00:00", "essay", "C2");
    view("SV002", "2025-12-10 10:00:00", "lab", "C3");
    submit("SV002", "2025-12-10 10:00:00");
    submit("SV003", "2025-12-10 12:30:00");
    view("SV003", "2025-12-10 12:00:00", "project");
    submit("SV003", "2025-12-10 13:00:00", {{"assignment_type", "own"}});
    finish();
    EXPECT_EQ(result("assessment_submission_distribution"),
              "date,course_id,assignment_type,submissions_count,unique_students\n2025-12-10,C1,lab,1,1\n"
              "2025-12-10,C1,own,1,1\n2025-12-10,C1,project,1,1\n2025-12-10,C1,unknown,1,1\n");
    EXPECT_EQ(result("assessment_engagement_timeline"),
              "user_id,course_id,assignments_completed,avg_hours_to_submit,min_hours_to_submit,max_hours_to_submit\n"
              "SV002,C2,1,0.0,0.0,0.0\nSV003,C1,1,0.5,0.5,0.5\n");
}

TEST_F(Learning, what_is_made_up_follows_from_the_seed) {
    const auto first = read(generated("realistic", 300000));
    EXPECT_EQ(std::count(first.begin(), first.end(), '\n'), 300000);
    EXPECT_TRUE(first == read(generated("realistic", 300000)));
    EXPECT_FALSE(first == read(generated("realistic", 300000, "2")));
    // A shorter one is its beginning.
    EXPECT_TRUE(first.starts_with(read(generated("realistic", 1000))));
    // Whatever the number of threads, also with more of them than cores.
    fs::copy(project, scratch / "copy", fs::copy_options::recursive);
    auto settings = read(scratch / "copy" / "weir.yaml");
    const std::string engine = "engine: {memory: 2GB";
    ASSERT_NE(settings.find(engine), std::string::npos);
    settings.insert(settings.find(engine) + engine.size(), ", threads: 1");
    for (const auto threads : {'1', '2', '4'}) {
        settings[settings.find("threads: ") + 9] = threads;
        write(scratch / "copy" / "weir.yaml", settings);
        const auto file = scratch / "copy.jsonl";
        const auto made =
            run({weir().string(), "generate", (scratch / "copy").string(), "events", "--count", "300000", "--seed", "1",
                 "--param", "mode=realistic", "--param", "events_per_day=12000", "--out", file.string()},
                {.timeout_seconds = 850});
        ASSERT_EQ(made.exit_code, 0) << made.out << made.err;
        EXPECT_TRUE(first == read(file)) << threads << " threads";
    }
    const auto unknown = weir_at("", "generate", {"event", "--count", "1"});
    EXPECT_EQ(unknown.exit_code, 1);
    EXPECT_NE(unknown.err.find("did you mean 'events'?"), std::string::npos) << unknown.err;
    EXPECT_EQ(weir_at("", "generate", {"events"}).exit_code, 2);
    EXPECT_EQ(weir_at("", "generate", {"events", "--count", "-1"}).exit_code, 2);
    EXPECT_EQ(weir_at("", "generate", {"events", "--count", "0"}).out, "");
}

TEST_F(Learning, made_up_records_lie_where_kafka_would_put_them) {
    const std::map<std::string, int> partitions{{"auth_topic", 3},    {"assessment_topic", 5},
                                                {"video_topic", 5},   {"course_topic", 3},
                                                {"profile_topic", 2}, {"notification_topic", 3}};
    std::ifstream in(generated("realistic", 5000));
    std::set<std::pair<std::string, int>> seen;
    for (std::string line; std::getline(in, line);) {
        const auto record = json::parse(line);
        const auto topic = record.at("topic").get<std::string>();
        const auto partition = record.at("partition").get<int>();
        ASSERT_EQ(partition, kafka_partition(record.at("key").get<std::string>(), partitions.at(topic))) << line;
        seen.emplace(topic, partition);
    }
    EXPECT_EQ(seen.size(), 21u);
}

TEST_F(Learning, the_batch_views_alone_are_a_project_too) {
    const auto copy = (scratch / "batch").string();
    ASSERT_EQ(run({"bash", "-c", "cd \"$1\" && . scripts/learning.sh && batch_views_of_learning \"$2\"", "bash",
                   source_folder().string(), copy})
                  .exit_code,
              0);
    const auto checked = run({weir().string(), "check", copy});
    EXPECT_EQ(checked.exit_code, 0) << checked.err;
}

// The tables of the README: "| what | `/path` | answer |".
TEST_F(Learning, every_path_of_the_readme_gives_what_it_says) {
    ASSERT_EQ(weir_at("lake", "run", {}).exit_code, 0);
    UpServer up(scratch.path(), {project.string(), "--lake", (scratch / "lake").string()});
    ASSERT_NE(up.port(), 0) << up.err();
    std::istringstream readme(read(project / "README.md"));
    const std::regex line_form(R"(\| (.+) \| `(/[^`]+)` \| (rows|rows or none|row|text|404) \|)");
    std::size_t paths = 0;
    for (std::string line; std::getline(readme, line);) {
        std::smatch parts;
        if (!std::regex_match(line, parts, line_form)) continue;
        ++paths;
        const auto expected = parts[3].str();
        const auto answer = up.get(parts[2].str());
        EXPECT_EQ(answer.status, expected == "404" ? 404 : 200) << line << "\n" << answer.body;
        if (expected == "text") {
            EXPECT_FALSE(answer.body.empty()) << line;
        }
        if (!expected.starts_with("row")) continue;
        const auto body = json::parse(answer.body, nullptr, false);
        ASSERT_TRUE(body.is_object() && body.contains("data")) << line << "\n" << answer.body;
        if (expected != "rows or none") {
            EXPECT_FALSE(body.at("data").empty()) << line;
        }
    }
    EXPECT_GT(paths, 60u);
    EXPECT_EQ(up.stop(), 0);
}

TEST_F(Learning, answers_over_http_are_the_bytes_of_the_export) {
    const auto file = generated("realistic", 3000);
    run_ok("lake", file);
    export_ok("lake", "out");
    UpServer up(scratch.path(), {project.string(), "--lake", (scratch / "lake").string(), "--only", "speed,serve"});
    ASSERT_NE(up.port(), 0) << up.err();
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(scratch / "out")) {
        ++files;
        const auto view = entry.path().stem().string();
        const auto exported = read(entry.path());
        for (const std::string layer : {"batch", "merged"}) {
            const auto answer = up.get("/views/" + view + "?layer=" + layer, {{"Accept", "text/csv"}});
            EXPECT_EQ(answer.status, 200) << view;
            EXPECT_TRUE(answer.body == exported) << view << ", " << layer << ":\n" << answer.body.substr(0, 300);
        }
    }
    EXPECT_EQ(files, 82u);
    EXPECT_EQ(up.stop(), 0);
}

}  // namespace
}  // namespace weir::test

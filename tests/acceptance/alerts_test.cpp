// Alerts: fired, told, repeated, silenced and over, by a running program, with somebody who listens.
#include <nlohmann/json.hpp>
#include <thread>

#include "support/receiver.h"
#include "support/server.h"
#include "support/shop.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

const std::string secret = "topsecret-4711", path = "/hidden-0815";

class Alerts : public Shop {
protected:
    Alerts() {
        put("weir.yaml", "name: shop\nintake: {epoch: 30ms}\nbatch: {every: 200ms}\n");
        put("sources/t.yaml", "log: orders\ncontract: t\n");
        contract({});
        view("newest", "SELECT DISTINCT ON (name) name, id FROM t ORDER BY name, id DESC\n");
        put("alerts.yaml",
            "every: 100ms\n"
            "notify:\n"
            "- name: hook\n  url: ${env:HOOK_URL}\n  header: {name: X-Token, value: \"${env:HOOK_TOKEN}\"}\n"
            "alerts:\n"
            "- name: odd\n"
            "  sql: SELECT name, id FROM newest WHERE id % 2 = 1\n"
            "  key: [name]\n  for: 200ms\n  severity: critical\n  message: \"{name} is at {id}\"\n");
    }

    std::map<std::string, std::string> environment() const {
        return {{"HOOK_URL", "http://127.0.0.1:" + std::to_string(receiver.port()) + path}, {"HOOK_TOKEN", secret}};
    }
    void produce(int id, const std::string& name = "a") {
        write(project / "lines", json{{"id", id}, {"name", name}, {"amount", 1}}.dump() + "\n");
        const auto done = weir_with({"produce", "orders", "--from", "lines"});
        ASSERT_EQ(done.exit_code, 0) << done.err;
    }
    // Of the alert's instance: its state, once it is that one.
    json instance(const UpServer& up, const std::string& state) {
        json last;
        for (int look = 0; look < 1000; ++look) {
            const auto answer = up.get("/system/alerts?alert=odd");
            if (answer.status == 200) {
                last = json::parse(answer.body).at("data");
                if (!last.empty() && last.at(0).at("state") == state) return last.at(0);
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        ADD_FAILURE() << "never " << state << ": " << last << "\n" << up.err();
        return json::object();
    }
    // Nothing that was written anywhere holds what nobody may know.
    void expect_no_secret(const std::string& err) const {
        for (const auto& hidden : {secret, path}) EXPECT_THAT(err, Not(HasSubstr(hidden)));
        for (const auto& entry : fs::recursive_directory_iterator(project / "lake")) {
            if (!entry.is_regular_file()) continue;
            const auto content = read(entry.path());
            for (const auto& hidden : {secret, path})
                EXPECT_EQ(content.find(hidden), std::string::npos) << entry.path() << " holds " << hidden;
        }
    }

    Receiver receiver;
};

TEST_F(Alerts, what_the_parts_say_of_themselves_is_a_table_and_metrics) {
    put("alerts.yaml",
        "every: 100ms\nalerts:\n"
        "- name: odd\n  sql: SELECT source, value FROM weir.parts WHERE part = 'intake' AND fact = 'accepted' AND "
        "source "
        "IS NOT NULL AND value >= 2\n"
        "  key: [source]\n  message: \"{source} took in {value}\"\n");
    UpServer up(project, {});
    ASSERT_NE(up.port(), 0) << up.err();
    produce(1);
    produce(2);
    EXPECT_EQ(instance(up, "firing").at("message"), "t took in 2.0");
    const auto facts = [&](const std::string& part, const std::string& fact) {
        return json::parse(up.get("/system/parts?part=" + part + "&fact=" + fact).body).at("data");
    };
    EXPECT_EQ(facts("intake", "state").at(0).at("text"), "running");
    EXPECT_EQ(facts("intake", "lag").size(), 2u);
    // What was taken in is accounted for in a table within a second or so.
    const auto epoch = std::to_string(facts("intake", "epoch").at(0).at("value").get<int>()) + "\n";
    for (int look = 0; look < 600 && sql("SELECT max(epoch) FROM weir.accounting") != epoch; ++look)
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(sql("SELECT max(epoch) FROM weir.accounting"), epoch);
    EXPECT_GT(facts("machine", "disk_free_bytes").at(0).at("value"), 0);
    EXPECT_EQ(facts("serve", "connections").size(), 1u);
    const auto metrics = up.get("/metrics").body;
    for (const auto* line : {"weir_intake_lag_messages{source=\"t\"} 0\n", "weir_intake_epochs_total{source=\"t\"} ",
                             "\nweir_speed_take_in_seconds ", "\nweir_state_memory_rows ", "\nweir_batch_runs_total ",
                             "\nweir_lake_disk_free_bytes ", "\nprocess_resident_memory_bytes "})
        EXPECT_THAT(metrics, HasSubstr(line));
    up.stop();
    // Nobody says anything where nothing runs.
    EXPECT_THAT(weir_with({"sql", "SELECT count(*) AS n FROM weir.parts", "--format", "csv"}).out, HasSubstr("0"));
}

TEST_F(Alerts, fire_are_told_again_after_a_failure_and_are_over) {
    receiver.answer(500, 1);
    std::string err;
    {
        UpServer up(project, {}, environment());
        ASSERT_NE(up.port(), 0) << up.err();
        produce(1);
        const auto fires = instance(up, "firing");
        EXPECT_EQ(fires.at("message"), "a is at 1");
        EXPECT_EQ(fires.at("instance"), R"({"name":"a"})");
        EXPECT_EQ(fires.at("severity"), "critical");
        const auto told = receiver.wait_for(2);
        ASSERT_GE(told.size(), 2u) << up.err();
        EXPECT_EQ(told[0].answered, 500);
        EXPECT_EQ(told[0].body, told[1].body);
        EXPECT_THAT(told[1].head, HasSubstr("POST " + path + " HTTP/1.1\r\n"));
        EXPECT_THAT(told[1].head, HasSubstr("X-Token: " + secret + "\r\n"));
        EXPECT_THAT(told[1].head, HasSubstr("Content-Type: application/json\r\n"));
        const auto body = json::parse(told[1].body);
        EXPECT_EQ(body.at("project"), "shop");
        EXPECT_EQ(body.at("alert"), "odd");
        EXPECT_EQ(body.at("state"), "firing");
        EXPECT_EQ(body.at("key"), R"(shop/odd{"name":"a"})");
        EXPECT_EQ(body.at("details").at("id"), "1");
        EXPECT_EQ(body.at("text"), "[critical] firing: odd: a is at 1");
        const auto metrics = up.get("/metrics").body;
        EXPECT_THAT(metrics, HasSubstr(R"(weir_alert_instances{alert="odd",severity="critical",state="firing"} 1)"));
        EXPECT_THAT(metrics, HasSubstr(R"(weir_alert_messages_total{target="hook",outcome="delivered"} 1)"));
        const auto listed = weir_with({"alerts", "--json"});
        EXPECT_EQ(json::parse(listed.out).at(0).at("state"), "firing") << listed.out << listed.err;
        EXPECT_THAT(weir_with({"alerts"}).out, HasSubstr("a is at 1"));

        produce(2);
        instance(up, "resolved");
        ASSERT_EQ(receiver.wait_for(3).size(), 3u);
        const auto over = json::parse(receiver.requests()[2].body);
        EXPECT_EQ(over.at("state"), "resolved");
        EXPECT_EQ(over.at("key"), body.at("key"));
        EXPECT_NE(over.at("id"), body.at("id"));
        EXPECT_EQ(sql("SELECT string_agg(was || ' > ' || state, ', ' ORDER BY changed_at) FROM weir.alert_history"),
                  "\"inactive > pending, pending > firing, firing > resolved\"\n");
        const auto status = json::parse(up.get("/status").body).at("parts").at("alerts");
        EXPECT_EQ(status.at("alerts"), 1);
        EXPECT_EQ(up.stop(), 0);
        err = up.err();
    }
    EXPECT_THAT(err, HasSubstr("[critical] firing: odd: a is at 1"));
    EXPECT_THAT(err, HasSubstr("[critical] resolved: odd"));
    EXPECT_THAT(err, HasSubstr("a message of alert odd to hook waits: it answered 500"));
    expect_no_secret(err);
}

TEST_F(Alerts, a_restart_tells_nothing_twice_and_loses_no_message) {
    receiver.answer(503, 1000);
    {
        UpServer up(project, {}, environment());
        ASSERT_NE(up.port(), 0) << up.err();
        produce(1);
        instance(up, "firing");
        ASSERT_GE(receiver.wait_for(1).size(), 1u);
        EXPECT_EQ(up.stop(9), 128 + 9);
    }
    receiver.answer(204, 0);
    const auto before = receiver.requests().size();
    UpServer up(project, {}, environment());
    ASSERT_NE(up.port(), 0) << up.err();
    const auto told = receiver.wait_for(before + 1);
    ASSERT_EQ(told.size(), before + 1) << up.err();
    EXPECT_EQ(told.back().body, told.front().body);
    EXPECT_EQ(instance(up, "firing").at("message"), "a is at 1");
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    EXPECT_EQ(receiver.requests().size(), before + 1);
    EXPECT_EQ(sql("SELECT count(*) FROM weir.alert_history WHERE state = 'firing'"), "1\n");
    EXPECT_EQ(up.stop(), 0);
}

TEST_F(Alerts, a_silence_holds_back_what_fires_until_it_ends) {
    UpServer up(project, {}, environment());
    ASSERT_NE(up.port(), 0) << up.err();
    EXPECT_EQ(weir_with({"alerts", "silence", "odd", "--for", "1h", "--reason", "maintenance"}).exit_code, 0);
    produce(1);
    const auto fires = instance(up, "firing");
    EXPECT_FALSE(fires.at("silenced_until").is_null());
    EXPECT_TRUE(fires.at("told_at").is_null());
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    EXPECT_TRUE(receiver.requests().empty());
    EXPECT_THAT(weir_with({"alerts", "unsilence", "odd"}).out, HasSubstr("told again"));
    ASSERT_EQ(receiver.wait_for(1).size(), 1u) << up.err();
    EXPECT_EQ(json::parse(receiver.requests()[0].body).at("state"), "firing");
    EXPECT_EQ(up.stop(), 0);
    const auto wrong = weir_with({"alerts", "silence", "ood", "--for", "1h"});
    EXPECT_EQ(wrong.exit_code, 1);
    EXPECT_THAT(wrong.err, HasSubstr("did you mean 'odd'"));
    EXPECT_EQ(weir_with({"alerts", "silence", "odd"}).exit_code, 2);
}

TEST_F(Alerts, an_answer_that_would_be_the_same_again_gives_the_message_up) {
    receiver.answer(404, 1);
    UpServer up(project, {}, environment());
    ASSERT_NE(up.port(), 0) << up.err();
    produce(1);
    instance(up, "firing");
    ASSERT_EQ(receiver.wait_for(1).size(), 1u);
    std::string metrics;
    for (int look = 0; look < 1500 && metrics.find("failed\"} 1") == std::string::npos; ++look) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        metrics = up.get("/metrics").body;
    }
    EXPECT_THAT(metrics, HasSubstr(R"(weir_alert_messages_total{target="hook",outcome="failed"} 1)"));
    EXPECT_EQ(up.stop(), 0);
    EXPECT_THAT(up.err(), HasSubstr("is given up: it answered 404"));
}

TEST_F(Alerts, without_its_secret_a_target_is_refused_by_name) {
    const auto refused = weir_with({"up", "--only", "alerts"});
    EXPECT_EQ(refused.exit_code, 1) << refused.err;
    EXPECT_THAT(refused.err, HasSubstr("HOOK_URL is not set"));
    EXPECT_THAT(refused.err, HasSubstr("hook"));
}

TEST_F(Alerts, published_results_are_looked_at_where_nothing_is_live) {
    put("sources/t.yaml", "files: in\nformat: csv\ncontract: t\n");
    put("in/1.csv", header + "1,a,1\n");
    run_ok();
    UpServer up(project, {"--only", "alerts,serve"}, environment());
    ASSERT_NE(up.port(), 0) << up.err();
    instance(up, "firing");
    put("in/2.csv", header + "2,a,1\n");
    run_ok();
    instance(up, "resolved");
    ASSERT_EQ(receiver.wait_for(2).size(), 2u);
    // An alert that is not declared any more is over.
    put("in/3.csv", header + "3,a,1\n");
    run_ok();
    instance(up, "firing");
    ASSERT_EQ(receiver.wait_for(3).size(), 3u);
    EXPECT_EQ(up.stop(), 0);
    put("alerts.yaml",
        "every: 100ms\nnotify:\n- {name: hook, url: \"${env:HOOK_URL}\"}\n"
        "alerts:\n- {name: none, sql: SELECT name FROM newest WHERE id < 0, message: never}\n");
    UpServer other(project, {"--only", "alerts,serve"}, environment());
    ASSERT_EQ(receiver.wait_for(4).size(), 4u) << other.err();
    EXPECT_EQ(json::parse(receiver.requests()[3].body).at("state"), "resolved");
    EXPECT_EQ(other.stop(), 0);
}

}  // namespace
}  // namespace weir::test

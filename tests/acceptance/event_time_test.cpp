// Event time: watermarks that move with the rows, late rows that are counted, and dropped where a view says so.
#include <chrono>
#include <ctime>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "support/background.h"
#include "support/server.h"
#include "support/shop.h"

namespace weir::test {
namespace {

using testing::HasSubstr;

class EventTime : public Shop {
protected:
    EventTime() {
        terms.columns = {"{name: id, logicalType: integer, required: true}",
                         "{name: ts, logicalType: timestamp, logicalTypeOptions: {maximum: \"2030-01-01T00:00:00Z\"}}"};
        contract(terms);
    }
    void of_files(const std::string& event_time) {
        put("sources/t.yaml", "files: in/*.csv\nevent_time: " + event_time + "\n");
    }
    // "minute:second" of 10 o'clock, one row each.
    void file(const std::string& name, int first_id, const std::vector<std::string>& moments) {
        std::string text = "id,ts\n";
        for (const auto& moment : moments)
            text += std::to_string(first_id++) + (moment.size() > 5 ? "," + moment : ",2024-03-01T10:" + moment + "Z") +
                    "\n";
        put("in/" + name, text);
    }
    Terms terms;
};

TEST_F(EventTime, answers_say_how_far_the_events_behind_them_have_come) {
    of_files("{column: ts, delay: 1m}");
    view("counts", "SELECT count(*) AS n FROM t\n");
    view("runs", "SELECT count(*) AS n FROM weir.accounting\n");
    put("serve.yaml", "views: [{view: counts, key: [n]}]\n");
    file("1.csv", 1, {"00:00", "05:00"});
    run_ok();
    const auto watermark = [](const UpServer& up, const std::string& path) {
        return nlohmann::json::parse(up.get(path).body).at("meta").at("watermark");
    };
    const UpServer up(project);
    ASSERT_NE(up.port(), 0) << up.err();
    for (const auto* layer : {"batch", "merged"})
        EXPECT_EQ(watermark(up, std::string("/views/counts?layer=") + layer), "2024-03-01T10:04:00.000000Z") << layer;
    EXPECT_EQ(up.get("/views/counts").field("weir-watermark"), "2024-03-01T10:04:00.000000Z");
    EXPECT_EQ(watermark(up, "/views/counts/2"), "2024-03-01T10:04:00.000000Z");
    EXPECT_EQ(watermark(up, "/views/counts/2?layer=merged"), "2024-03-01T10:04:00.000000Z");
    EXPECT_TRUE(watermark(up, "/views/runs").is_null());
    // What came in is in the merged layer; what is published shows what it showed.
    const auto version = nlohmann::json::parse(up.get("/views/counts").body).at("meta").at("published_at");
    file("2.csv", 10, {"09:00"});
    run_ok();
    EXPECT_EQ(watermark(up, "/views/counts?layer=merged"), "2024-03-01T10:08:00.000000Z");
    EXPECT_EQ(watermark(up, "/views/counts?layer=batch&known_at=" + version.get<std::string>()),
              "2024-03-01T10:04:00.000000Z");
}

TEST_F(EventTime, rows_that_are_not_after_the_watermark_before_them_are_late) {
    of_files("{column: ts, delay: 1m, watermark: mark}");
    file("1.csv", 1, {"00:00", "05:00"});
    run_ok();
    EXPECT_EQ(sql("SELECT watermark, newest_event, partitions, idle, late FROM weir.watermarks"),
              "2024-03-01T10:04:00Z,2024-03-01T10:05:00Z,1,0,0\n");
    // The third breaks its contract, and moves nothing.
    file("2.csv", 10, {"03:30", "04:00", "2099-01-01T00:00:00Z", "04:01", "06:00"});
    run_ok();
    EXPECT_EQ(sql("SELECT id, strftime(mark, '%M:%S') FROM t ORDER BY id"),
              "1,\n2,\n10,04:00\n11,04:00\n13,04:00\n14,04:00\n");
    EXPECT_EQ(sql("SELECT sum(accepted)::BIGINT, sum(quarantined)::BIGINT, sum(late)::BIGINT FROM weir.accounting"),
              "6,1,2\n");
    EXPECT_EQ(sql("SELECT strftime(watermark, '%M:%S'), late FROM weir.watermarks"), "05:00,2\n");
    // Old events alone do not pull it back.
    file("3.csv", 20, {"01:00"});
    run_ok();
    EXPECT_EQ(sql("SELECT strftime(watermark, '%M:%S'), late FROM weir.watermarks"), "05:00,3\n");
    const auto status = weir_with({"status"});
    EXPECT_THAT(status.out, HasSubstr("Event time"));
    EXPECT_THAT(status.out, HasSubstr("10:05:00"));
}

TEST_F(EventTime, a_view_corrects_its_windows_or_drops_late_rows_and_holds_either_way) {
    of_files("{column: ts, delay: 1m, watermark: mark}");
    const std::string window = "time_bucket(INTERVAL 1 minute, ts)";
    view("corrected", "SELECT " + window + " AS w, count(*) AS n FROM t GROUP BY ALL ORDER BY w");
    view("on_time", "SELECT " + window + " AS w, count(*) AS n FROM t WHERE mark IS NULL OR " + window +
                        " + INTERVAL 1 minute > mark GROUP BY ALL ORDER BY w");
    view("dropped", "SELECT count(*) AS n FROM t WHERE " + window + " + INTERVAL 1 minute <= mark");
    file("1.csv", 1, {"00:10", "02:00", "05:00"});
    run_ok();
    // Watermark 04:00: the window of 02 is over, that of 03 too, that of 04 is not.
    file("2.csv", 10, {"02:30", "03:59", "04:00", "04:30"});
    run_ok();
    const std::string rows = "SELECT strftime(w, '%M'), n FROM ";
    EXPECT_EQ(sql(rows + "corrected"), "00,1\n02,2\n03,1\n04,2\n05,1\n");
    EXPECT_EQ(sql(rows + "on_time"), "00,1\n02,1\n04,2\n05,1\n");
    EXPECT_EQ(sql("FROM dropped"), "2\n");
    const auto verified = weir_with({"verify"});
    EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
    run_ok({"--full"});
    EXPECT_EQ(sql(rows + "on_time"), "00,1\n02,1\n04,2\n05,1\n");
}

TEST_F(EventTime, a_window_that_was_corrected_has_a_higher_version) {
    of_files("{column: ts, delay: 1m, watermark: mark}");
    const std::string window = "time_bucket(INTERVAL 1 minute, ts)";
    view("windows", "SELECT " + window + " AS w, count(*) AS n, 1 + count(*) FILTER (mark >= " + window +
                        " + INTERVAL 1 minute) AS version FROM t GROUP BY ALL ORDER BY w");
    const std::string rows = "SELECT strftime(w, '%M'), n, version FROM windows";
    file("1.csv", 1, {"00:10", "02:00", "05:00"});
    run_ok();
    EXPECT_EQ(sql(rows), "00,1,1\n02,1,1\n05,1,1\n");
    // Watermark 04:00: late for 02, and for 03, which closed without a row; in time for 04.
    file("2.csv", 10, {"02:30", "03:59", "04:30"});
    run_ok();
    const std::string corrected = "00,1,1\n02,2,2\n03,1,2\n04,1,1\n05,1,1\n";
    EXPECT_EQ(sql(rows), corrected);
    file("3.csv", 20, {"02:31", "02:32"});
    ASSERT_EQ(weir_with({"run", "--only", "t"}).exit_code, 0);
    const auto live = weir_with({"sql", "--live", rows, "--format", "csv"});
    const std::string merged = "00,1,1\n02,4,4\n03,1,2\n04,1,1\n05,1,1\n";
    EXPECT_EQ(live.out.substr(live.out.find('\n') + 1), merged) << live.err;
    EXPECT_EQ(sql(rows), corrected) << "what was published stays until the next run";
    run_ok();
    EXPECT_EQ(sql(rows), merged);
    const auto verified = weir_with({"verify"});
    EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
}

TEST_F(EventTime, of_a_topic_the_partition_that_is_behind_decides_until_it_is_idle) {
    put("sources/t.yaml", "log: orders\nevent_time: {column: ts, delay: 10s, idle: 1h}\n");
    terms.columns.push_back("{name: _partition, logicalType: integer}");
    contract(terms);
    write(project / "generators" / "g.sql",
          "SELECT 'orders' AS topic, (n % 16)::VARCHAR AS key, '{\"id\": ' || n || ', \"ts\": \"2024-03-01T10:' || "
          "lpad((n % 16)::VARCHAR, 2, '0') || ':00Z\"}' AS value FROM numbers");
    ASSERT_EQ(weir_with({"generate", "g", "--to", "log", "--count", "160", "--partitions", "3"}).exit_code, 0);
    run_ok();
    const std::string slowest =
        "(SELECT min(newest) - INTERVAL 10 second FROM (SELECT max(ts) AS newest FROM t GROUP BY _partition))";
    EXPECT_EQ(sql("SELECT partitions, idle, watermark = " + slowest + " FROM weir.watermarks"), "3,0,true\n");
    EXPECT_EQ(sql("SELECT count(DISTINCT newest) > 1 FROM (SELECT max(ts) AS newest FROM t GROUP BY _partition)"),
              "true\n");
    put("sources/t.yaml", "log: orders\nevent_time: {column: ts, delay: 10s, idle: 100ms}\n");
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    EXPECT_EQ(sql("SELECT partitions, idle, watermark > moved_at - INTERVAL 10 second, watermark < moved_at + INTERVAL "
                  "1 hour "
                  "FROM weir.watermarks"),
              "3,3,true,true\n");
}

TEST_F(EventTime, metrics_say_how_late_events_come_and_how_much_waits_where) {
    put("sources/t.yaml", "log: orders\nevent_time: {column: ts}\n");
    view("counts", "SELECT count(*) AS n FROM t\n");
    std::string lines;
    for (int id = 0; id < 100; ++id) {
        const std::time_t happened = std::time(nullptr) - (id % 10 == 0 ? 7200 : 120);
        std::ostringstream written;
        written << std::put_time(std::gmtime(&happened), "%Y-%m-%dT%H:%M:%SZ");
        lines += nlohmann::json{{"id", id}, {"ts", written.str()}}.dump() + "\n";
    }
    write(project / "lines", lines);
    ASSERT_EQ(weir_with({"topic", "create", "orders", "--partitions", "2"}).exit_code, 0);
    ASSERT_EQ(weir_with({"produce", "orders", "--from", "lines"}).exit_code, 0);
    UpServer up(project, {"--only", "intake,speed,serve"});
    ASSERT_NE(up.port(), 0) << up.err();
    std::string metrics;
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    const std::string all = "weir_source_event_delay_seconds_count{source=\"t\"} 100\n";
    while (metrics.find(all) == std::string::npos && std::chrono::steady_clock::now() < until) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        metrics = up.get("/metrics").body;
    }
    for (const auto& line : {all, std::string("weir_source_event_delay_seconds_bucket{source=\"t\",le=\"60\"} 0\n"),
                             std::string("weir_source_event_delay_seconds_bucket{source=\"t\",le=\"3600\"} 90\n"),
                             std::string("weir_source_event_delay_seconds_bucket{source=\"t\",le=\"21600\"} 100\n"),
                             std::string("weir_source_event_delay_seconds_bucket{source=\"t\",le=\"+Inf\"} 100\n"),
                             std::string("weir_intake_lag_seconds{source=\"t\"} 0\n"),
                             std::string("weir_intake_partition_lag_messages{source=\"t\",partition=\"0\"} 0\n"),
                             std::string("weir_intake_partition_lag_seconds{source=\"t\",partition=\"1\"} 0\n"),
                             std::string("weir_table_rows{table=\"t\"} 100\n")})
        EXPECT_THAT(metrics, HasSubstr(line));
    ASSERT_EQ(up.get("/views/counts").status, 200);
    ASSERT_EQ(up.get("/views/counts?layer=speed").status, 200);
    ASSERT_EQ(up.get("/views/nothing").status, 404);
    metrics = up.get("/metrics").body;
    for (const auto* line :
         {"weir_view_answers_total{layer=\"batch\"} 0\n", "{layer=\"speed\"} 1\n", "{layer=\"merged\"} 1\n"})
        EXPECT_THAT(metrics, HasSubstr(line));
    up.stop();
    EXPECT_THAT(weir_with({"sql", "SELECT count(partition) AS n FROM weir.parts", "--format", "csv"}).out,
                HasSubstr("0"));
}

TEST_F(EventTime, what_waited_while_nobody_looked_is_not_late) {
    put("sources/t.yaml", "log: orders\nevent_time: {column: ts, delay: 10s, idle: 100ms}\n");
    const auto produce = [&](int id, const std::string& moment) {
        write(project / "lines", "{\"id\": " + std::to_string(id) + ", \"ts\": \"2024-03-01T10:" + moment + "Z\"}\n");
        ASSERT_EQ(weir_with({"produce", "orders", "--from", "lines"}).exit_code, 0);
    };
    produce(1, "00:00");
    run_ok();
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    produce(2, "01:00");
    run_ok();
    const std::string marks = "SELECT late, strftime(newest_event, '%M:%S') FROM weir.watermarks";
    EXPECT_EQ(sql(marks), "0,01:00\n");
    produce(3, "00:30");
    run_ok();
    EXPECT_EQ(sql(marks), "1,01:00\n");
    // A row that is not newer is one that came in.
    EXPECT_EQ(sql("SELECT moved_at = (SELECT max(committed_at) FROM weir.accounting) FROM weir.watermarks"), "true\n");
}

TEST_F(EventTime, partitions_that_are_read_one_after_the_other_hold_the_watermark_back) {
    put("weir.yaml", "name: shop\nintake: {epoch: 20ms, rows: 500}\n");
    put("sources/t.yaml", "log: orders\nevent_time: {column: ts, delay: 1s}\n");
    write(project / "generators" / "g.sql",
          "SELECT 'orders' AS topic, (n % 16)::VARCHAR AS key, '{\"id\": ' || n || ', \"ts\": \"' || "
          "strftime(TIMESTAMP '2024-03-01' + to_seconds(n), '%Y-%m-%dT%H:%M:%SZ') || '\"}' AS value FROM numbers");
    ASSERT_EQ(weir_with({"generate", "g", "--to", "log", "--count", "9000", "--partitions", "3"}).exit_code, 0);
    Background up(project, {"up", "--only", "intake"}, scratch.path() / "up");
    const std::string counts = "SELECT coalesce(sum(accepted), 0)::BIGINT FROM weir.accounting";
    const auto all = [&] { return weir_with({"sql", counts, "--format", "csv"}).out.ends_with("\n9000\n"); };
    for (int tries = 0; tries < 600 && !all(); ++tries) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(up.end(SIGTERM), 0) << read(scratch.path() / "up");
    EXPECT_EQ(sql(counts), "9000\n") << read(scratch.path() / "up");
    EXPECT_EQ(sql("SELECT count(DISTINCT epoch) > 2, sum(late)::BIGINT FROM weir.accounting"), "true,0\n");
}

TEST_F(EventTime, an_event_of_the_future_makes_nobody_late) {
    for (const char* ahead : {"", ", ahead: 100000h"}) {
        std::filesystem::remove_all(project / "lake");
        of_files(std::string("{column: ts, delay: 1m") + ahead + "}");
        file("1.csv", 1, {"00:00", "2029-01-01T00:00:00Z"});
        run_ok();
        file("2.csv", 10, {"05:00"});
        run_ok();
        EXPECT_EQ(sql("SELECT strftime(watermark, '%Y %M:%S'), late FROM weir.watermarks"),
                  *ahead == '\0' ? "2024 04:00,0\n" : "2028 59:00,1\n");
        std::filesystem::remove(project / "in" / "2.csv");
    }
}

TEST_F(EventTime, a_source_that_goes_over_to_files_is_not_held_back_by_the_partitions_it_had) {
    put("sources/t.yaml", "log: orders\nevent_time: {column: ts, delay: 10s}\n");
    write(project / "lines", "{\"id\": 1, \"ts\": \"2024-03-01T10:00:00Z\"}\n");
    ASSERT_EQ(weir_with({"produce", "orders", "--from", "lines"}).exit_code, 0);
    run_ok();
    of_files("{column: ts, delay: 10s}");
    file("1.csv", 10, {"30:00"});
    run_ok();
    EXPECT_EQ(sql("SELECT strftime(watermark, '%M:%S'), partitions FROM weir.watermarks"), "29:50,1\n");
    file("2.csv", 20, {"20:00", "40:00"});
    run_ok();
    EXPECT_EQ(sql("SELECT strftime(watermark, '%M:%S'), late FROM weir.watermarks"), "39:50,1\n");
}

TEST_F(EventTime, a_lake_that_knew_no_late_rows_learns_of_them) {
    of_files("{column: ts}");
    file("1.csv", 1, {"05:00"});
    run_ok();
    // As it was made before.
    const auto first = project / "lake" / "weir" / "accounting" / "_delta_log" / "00000000000000000000.json";
    auto text = read(first);
    const std::string late = R"(,{\"name\":\"late\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}})";
    const auto at = text.find(late);
    ASSERT_NE(at, std::string::npos) << text;
    write(first, text.erase(at, late.size()));
    EXPECT_EQ(sql("SELECT late FROM weir.watermarks"), "0\n");
    file("2.csv", 2, {"04:00", "04:30"});
    run_ok();
    EXPECT_EQ(sql("SELECT late FROM weir.watermarks"), "1\n");
}

TEST_F(EventTime, what_is_declared_wrongly_is_told_with_its_place) {
    struct Case {
        std::string event_time, said, hint;
    };
    const Case cases[] = {
        {"{}", "'event_time' names no column", "add column"},
        {"{column: tss}", "'tss' is no column of the contract 't'", "did you mean 'ts'"},
        {"{column: id}", "the event time 'id' is", "timestamp"},
        {"{column: ts, watermark: id}", "the column 'id' is in the contract too", "name it otherwise"},
        {"{column: ts, watermark: \"a b\"}", "'a b' cannot name a column", "letters"},
        {"{column: ts, idle: 5s}", "files are never idle", "remove 'idle'"},
        {"{column: ts, delay: long}", "duration", "30s"},
        {"{column: ts, dely: 5s}", "'dely'", "delay"},
    };
    for (const auto& test : cases) {
        of_files(test.event_time);
        const auto checked = weir_with({"check"});
        EXPECT_EQ(checked.exit_code, 1) << test.event_time << checked.out;
        const auto all = checked.out + checked.err;
        EXPECT_THAT(all, HasSubstr("sources/t.yaml:2:")) << test.event_time;
        EXPECT_THAT(all, HasSubstr(test.said)) << test.event_time;
        EXPECT_THAT(all, HasSubstr(test.hint)) << test.event_time;
    }
}

TEST_F(EventTime, status_is_watched_until_it_is_told_to_stop) {
    of_files("{column: ts}");
    file("1.csv", 1, {"05:00", "06:00"});
    view("v", "SELECT count(*) AS n FROM t");
    run_ok();
    ASSERT_EQ(weir_with({"verify"}).exit_code, 0);
    const auto out = scratch.path() / "watched";
    Background watch(project, {"status", "--watch", "--json"}, out);
    std::vector<nlohmann::json> looks;
    for (int tries = 0; tries < 600 && looks.size() < 2; ++tries) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        looks.clear();
        std::istringstream lines(read(out));
        for (std::string line; std::getline(lines, line) && !lines.eof();) looks.push_back(nlohmann::json::parse(line));
    }
    ASSERT_GE(looks.size(), 2u) << read(out);
    EXPECT_EQ(watch.end(SIGINT), 0);
    const auto& look = looks[1];
    ASSERT_EQ(look["sources"].size(), 1u);
    EXPECT_EQ(look["sources"][0]["accepted"], 2);
    EXPECT_EQ(look["sources"][0]["rows_per_second"], 0);
    EXPECT_EQ(look["sources"][0]["watermark"], "2024-03-01T10:05:00.000000Z");
    EXPECT_EQ(look["publication"], 1);
    EXPECT_GE(look["states"]["count"], 1);
    EXPECT_EQ(look["verified"]["equal"], 1);
}

}  // namespace
}  // namespace weir::test

// Sources that read a topic of the log: every message in the table, in quarantine or counted, once.
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <thread>

#include "support/background.h"
#include "support/places.h"
#include "support/shop.h"

namespace weir::test {
namespace {

using testing::HasSubstr;

class TopicIntake : public Shop {
protected:
    TopicIntake() {
        put("sources/t.yaml", "log: orders\ncontract: t\nsequence: seq\n");
        terms.custom = "  - {property: deduplicate, value: [id]}\n";
        terms.columns = {"{name: id, logicalType: integer, required: true}",
                         "{name: amount, logicalType: number}",
                         "{name: _partition, logicalType: integer}",
                         "{name: _offset, logicalType: integer}",
                         "{name: _key, logicalType: string}",
                         "{name: _broker_ts, logicalType: timestamp}"};
        contract(terms);
    }
    Terms terms;

    void produce(const std::string& lines, std::vector<std::string> more = {}) const {
        write(project / "lines", lines);
        std::vector<std::string> words{"produce", "orders", "--from", "lines"};
        words.insert(words.end(), more.begin(), more.end());
        const auto done = weir_with(words);
        ASSERT_EQ(done.exit_code, 0) << done.err;
    }
    // Records of any kind, by a generator's SELECT over numbers.
    void records(const std::string& select, int count, std::vector<std::string> more = {}) const {
        write(project / "generators" / "g.sql", select);
        std::vector<std::string> words{"generate", "g", "--to", "log", "--count", std::to_string(count)};
        words.insert(words.end(), more.begin(), more.end());
        const auto done = weir_with(words);
        ASSERT_EQ(done.exit_code, 0) << done.err;
    }
    std::string segment() const {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(project / "log" / "topics" / "orders"))
            if (entry.path().extension() == ".seg") return entry.path().string();
        return "";
    }
};

TEST_F(TopicIntake, each_message_lands_once_and_reading_goes_on_where_it_ended) {
    records(
        "SELECT 'orders' AS topic, (n % 7)::VARCHAR AS key, '{\"id\": ' || n || ', \"amount\": 1.5}' AS value, "
        "'2024-03-0' || (1 + n % 2) || 'T10:00:00.123Z' AS broker_ts FROM numbers",
        1000, {"--partitions", "3"});
    run_ok();
    EXPECT_EQ(accounts(), "1000 1000 0 0 0\n");
    EXPECT_EQ(sql("SELECT count(DISTINCT (_partition, _offset)), count(DISTINCT seq), min(seq), max(seq), "
                  "sum(id)::BIGINT, count(DISTINCT _partition) FROM t"),
              "1000,1000,1,1000,499500,3\n");
    EXPECT_EQ(sql("SELECT DISTINCT _arrival_date, strftime(_broker_ts, '%d %f'), _source_file = 'log:orders/' || "
                  "_partition, _source_line = _offset + 1, _key = (id % 7)::VARCHAR FROM t ORDER BY ALL"),
              "2024-03-01,01 123000,true,true,true\n2024-03-02,02 123000,true,true,true\n");
    run_ok();
    EXPECT_EQ(accounts(), "1000 1000 0 0 0\n");
    // Half of them come again.
    records("SELECT 'orders' AS topic, '{\"id\": ' || (n + 500) || '}' AS value FROM numbers", 1000);
    EXPECT_THAT(weir_with({"plan"}).out, HasSubstr("1000"));
    run_ok();
    EXPECT_EQ(accounts(), "2000 1500 500 0 0\n");
    EXPECT_EQ(sql("SELECT count(*), count(DISTINCT id), count(DISTINCT seq), max(seq) <= 2000 FROM t"),
              "1500,1500,1500,true\n");
}

TEST_F(TopicIntake, headers_of_records_are_a_column) {
    terms.columns.push_back("{name: _headers, logicalType: array}");
    contract(terms);
    produce("{\"id\": 1}\n{\"id\": \"x\"}\n",
            {"--header", "sent_by=till \"3\"", "--header", "trace=\xff", "--header", "trace="});
    produce("{\"id\": 2}\n");
    run_ok();
    const std::string headers =
        R"([{"name": "sent_by", "value": "till \"3\""}, {"name": "trace", "value_base64": "/w=="}, {"name": "trace", "value": ""}])";
    EXPECT_EQ(sql("SELECT _headers = '" + headers + "', _headers->0->>'value' FROM t WHERE id = 1"),
              "true,\"till \"\"3\"\"\"\n");
    EXPECT_EQ(sql("SELECT _headers FROM t WHERE id = 2"), "[]\n");
    EXPECT_THAT(weir_with({"consume", "orders", "--json"}).out, HasSubstr("\"headers\": " + headers));
    // What was broken has them when it comes back.
    std::filesystem::remove_all(project / "log");
    EXPECT_EQ(accounts(), "3 2 0 1 0\n");
    put("sources/t.yaml", "log: orders\ncontract: t\n");
    terms.columns[0] = "{name: id, logicalType: integer, customProperties: [{property: onTypeError, value: \"null\"}]}";
    contract(terms);
    ASSERT_EQ(weir_with({"quarantine", "replay"}).exit_code, 0);
    EXPECT_EQ(sql("SELECT _headers = '" + headers + "' FROM t WHERE id IS NULL"), "true\n");

    EXPECT_THAT(weir_with({"produce", "orders", "--from", "lines", "--header", "sent_by"}).err,
                HasSubstr("--header cannot be 'sent_by'"));
}

TEST_F(TopicIntake, what_is_no_row_is_quarantined_with_its_bytes_and_comes_back) {
    put("sources/t.yaml", "log: orders\ncontract: t\nrecord_bytes_max: 3000B\n");
    terms.columns[4] = "{name: _key, logicalType: string, required: true}";
    contract(terms);
    records(
        "SELECT 'orders' AS topic, CASE WHEN n <> 5 THEN 'k' END AS key, CASE n WHEN 0 THEN '{\"id\": 10}' "
        "WHEN 1 THEN NULL WHEN 2 THEN '' WHEN 3 THEN '{\"id\": 11, \"x\": \"' || repeat('x', 4000) || '\"}' "
        "WHEN 4 THEN '{\"id\": ' || repeat('[', 1200) || repeat(']', 1200) || '}' WHEN 5 THEN '{\"id\": 12}' "
        "WHEN 6 THEN '[1]' WHEN 7 THEN '{\"id\": \"abc\"}' WHEN 8 THEN '{\"id\": 13} x' END AS value FROM numbers",
        9);
    produce("{\"id\": 14, \"x\": \"\xff\"}\n");
    run_ok();
    EXPECT_EQ(accounts(), "10 1 0 9 0\n");
    EXPECT_EQ(sql("SELECT byte_offset, rule, coalesce(\"column\", ''), file, line - byte_offset FROM weir.quarantine "
                  "ORDER BY 1"),
              "1,tombstone,\"\",log:orders/0,1\n2,malformed,\"\",log:orders/0,1\n3,too_long,\"\",log:orders/0,1\n"
              "4,malformed,\"\",log:orders/0,1\n5,required,_key,log:orders/0,1\n6,malformed,\"\",log:orders/0,1\n"
              "7,type,id,log:orders/0,1\n8,malformed,\"\",log:orders/0,1\n9,invalid_utf8,\"\",log:orders/0,1\n");
    EXPECT_THAT(sql("SELECT reason FROM weir.quarantine WHERE byte_offset = 4"), HasSubstr("nested too deeply"));
    EXPECT_EQ(sql("SELECT octet_length(raw), header->>'key', header->'partition' FROM weir.quarantine WHERE "
                  "byte_offset = 3"),
              "4019,k,0\n");
    // The contract is mended; the log is not asked again.
    std::filesystem::remove_all(project / "log");
    terms.columns[0] = "{name: id, logicalType: string}";
    terms.columns[4] = "{name: _key, logicalType: string}";
    contract(terms);
    EXPECT_EQ(weir_with({"quarantine", "replay"}).exit_code, 1) << "the table holds numbers";
    terms.columns[0] = "{name: id, logicalType: integer}";
    contract(terms);
    put("sources/t.yaml", "log: orders\ncontract: t\n");
    const auto replayed = weir_with({"quarantine", "replay", "--json"});
    ASSERT_EQ(replayed.exit_code, 0) << replayed.err;
    EXPECT_EQ(nlohmann::json::parse(replayed.out).at(0).at("accepted"), 2);
    EXPECT_EQ(sql("SELECT id, _partition, _offset, coalesce(_key, 'none'), _source_line FROM t ORDER BY 1"),
              "10,0,0,k,1\n11,0,3,k,4\n12,0,5,none,6\n");
    EXPECT_EQ(weir_with({"quarantine", "discard", "--rule", "tombstone", "--reason", "deleted"}).exit_code, 0);
}

TEST_F(TopicIntake, offsets_that_are_gone_are_told_and_passed_over_on_request) {
    const std::string select =
        "SELECT 'orders' AS topic, '{\"id\": ' || (n + 1000 * seed()) || '}' AS value FROM numbers";
    records(select, 10);
    run_ok();
    ASSERT_EQ(weir_with({"topic", "delete", "orders"}).exit_code, 0);
    records(select, 3, {"--seed", "1"});
    run_fails(3, {"sources/t.yaml:1", "made anew", "reset: earliest"});
    EXPECT_EQ(accounts(), "10 10 0 0 0\n");
    put("sources/t.yaml", "log: orders\ncontract: t\nreset: earliest\n");
    const auto done = run_all();
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_THAT(done.err, HasSubstr("reading begins at its oldest record"));
    EXPECT_EQ(accounts(), "13 13 0 0 0\n");
    records(select, 2, {"--seed", "2"});
    run_ok();
    run_ok();
    EXPECT_EQ(accounts(), "15 15 0 0 0\n");
}

// As many records as were read before, or more: the offsets alone do not tell.
TEST_F(TopicIntake, a_topic_made_anew_and_filled_past_the_position_is_told) {
    const std::string select =
        "SELECT 'orders' AS topic, '{\"id\": ' || (n + 1000 * seed()) || '}' AS value FROM numbers";
    records(select, 10);
    run_ok();
    ASSERT_EQ(weir_with({"topic", "delete", "orders"}).exit_code, 0);
    records(select, 25, {"--seed", "1"});
    run_fails(3, {"sources/t.yaml:1", "made anew", "reset: earliest"});
    EXPECT_EQ(accounts(), "10 10 0 0 0\n");
    put("sources/t.yaml", "log: orders\ncontract: t\nsequence: seq\nreset: earliest\n");
    run_ok();
    run_ok();
    EXPECT_EQ(accounts(), "35 35 0 0 0\n");
    EXPECT_EQ(sql("SELECT count(DISTINCT id), count(DISTINCT seq), max(seq) FROM t"), "35,35,35\n");

    // The same while it is read.
    put("weir.yaml", "name: shop\nintake: {epoch: 30ms}\n");
    const auto read_is = [&](const std::string& wanted) {
        for (int look = 0; look < 1200; ++look) {
            if (sql("SELECT sum(\"read\")::BIGINT FROM weir.accounting") == wanted) return;
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        ADD_FAILURE() << wanted << read(project / "up.err");
    };
    {
        Background up(project, {"up", "--only", "intake"}, project / "up.err");
        records(select, 5, {"--seed", "2"});
        read_is("40\n");
        ASSERT_EQ(weir_with({"topic", "delete", "orders"}).exit_code, 0);
        records(select, 60, {"--seed", "3"});
        read_is("100\n");
        EXPECT_EQ(up.end(SIGTERM), 0) << read(project / "up.err");
        EXPECT_THAT(read(project / "up.err"), HasSubstr("made anew"));
    }
    EXPECT_EQ(accounts(), "100 100 0 0 0\n");
    EXPECT_EQ(sql("SELECT count(DISTINCT id), count(DISTINCT seq) FROM t"), "100,100\n");
    put("sources/t.yaml", "log: orders\ncontract: t\nsequence: seq\n");
    Background up(project, {"up", "--only", "intake"}, project / "up.err");
    records(select, 1, {"--seed", "4"});
    read_is("101\n");
    ASSERT_EQ(weir_with({"topic", "delete", "orders"}).exit_code, 0);
    records(select, 300, {"--seed", "5"});
    for (int look = 0; look < 1200 && up.running(); ++look) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_FALSE(up.running());
    EXPECT_EQ(up.end(SIGTERM), 3) << read(project / "up.err");
    EXPECT_THAT(read(project / "up.err"), HasSubstr("reset: earliest"));
    EXPECT_EQ(accounts(), "101 101 0 0 0\n");
}

TEST_F(TopicIntake, damage_is_told_after_what_can_be_read_and_passed_over_on_request) {
    for (int batch = 0; batch < 3; ++batch) produce("{\"id\": " + std::to_string(batch) + "}\n");
    const auto file = segment();
    ASSERT_NE(file, "");
    auto bytes = read(file);
    // In the middle of the second batch.
    const auto second = bytes.find("\"id\": 1");
    ASSERT_NE(second, std::string::npos) << "compressed";
    bytes[second + 6] = '9';
    write(file, bytes);
    run_fails(4, {"offsets 1 to 1 cannot be read", "reset: earliest"});
    EXPECT_EQ(accounts(), "1 1 0 0 0\n");
    put("sources/t.yaml", "log: orders\ncontract: t\nreset: earliest\n");
    run_ok();
    EXPECT_EQ(accounts(), "2 2 0 0 0\n");
}

TEST_F(TopicIntake, poison_stops_its_source_and_the_others_go_on) {
    terms.quarantine_limit = "10";
    contract(terms);
    put("sources/other.yaml", "log: others\ncontract: other\n");
    put("contracts/other.odcs.yaml",
        "apiVersion: v3.1.0\nkind: DataContract\nid: o\nversion: \"1.0.0\"\nstatus: active\nschema:\n- name: o\n  "
        "logicalType: object\n  properties:\n  - {name: id, logicalType: integer, required: true}\n");
    records(
        "SELECT CASE WHEN n % 2 = 0 THEN 'orders' ELSE 'others' END AS topic, CASE WHEN n % 4 = 0 THEN 'no' ELSE "
        "'{\"id\": ' || n || '}' END AS value FROM numbers",
        100);
    run_fails(3, {"25 of 50 records of source 't'", "limit of 10 %", "quarantineLimit in contracts/t.odcs.yaml"});
    EXPECT_EQ(sql("SELECT count(*) FROM other"), "50\n");
    EXPECT_EQ(sql("SELECT count(*) FROM t"), "0\n");
    terms.quarantine_limit = "100";
    contract(terms);
    run_ok();
    EXPECT_EQ(sql("SELECT count(*) FROM t"), "25\n");
}

TEST_F(TopicIntake, a_source_is_told_what_is_wrong_with_it) {
    const auto says = [&](const std::string& yaml, const std::vector<std::string>& said) {
        put("sources/t.yaml", yaml + "contract: t\n");
        const auto done = weir_with({"check"});
        EXPECT_NE(done.exit_code, 0) << yaml;
        for (const auto& text : said) EXPECT_THAT(done.err, HasSubstr(text)) << yaml;
    };
    says("log: a\nfiles: in/*.csv\n", {"t.yaml:1:6", "both say where the rows come from", "from: log"});
    says("log: \"a b\"\n", {"t.yaml:1:6", "'a b' cannot name a topic"});
    says("log: a\nformat: csv\n", {"t.yaml:2:9", "JSON objects"});
    says("log: a\ncompression: gzip\n", {"t.yaml:2:14", "is for files"});
    says("log: a\nreset: newest\n", {"t.yaml:2:8", "latest"});
    says("files: in/*.csv\nreset: fail\n", {"t.yaml:2:8", "'reset' is for a source with 'log'"});
    says("files: in/*.csv\nfrom: log\n", {"t.yaml:2:7", "there is no 'log'"});
    says("kafka: a\n", {"t.yaml:1:8", "No brokers are named", "kafka: {brokers:"});
    says("kafka: a\nlog: a\n", {"'log' and 'kafka' both say where the rows come from", "from: kafka"});
    says("from: kafka\nlog: a\n", {"the rows come from 'kafka', and there is no 'kafka'"});
    says("kafka: {topic: a, brokers: nowhere}\n", {"'nowhere' is no broker", "host:port"});
    says("kafka: {topic: a, groop: g, brokers: \"k:1\"}\n", {"unknown key 'groop'", "did you mean 'group'?"});
    says("kafka: {topic: a, brokers: \"k:1\", sasl: {mechanism: plain, username: u, password: hunter2}}\n",
         {"'password' is a secret and must not be written here"});
    says("kafka: {topic: a, brokers: \"k:1\", tls: {certificate: c.pem}}\n",
         {"a certificate and its key belong together"});
    says("reference: false\n", {"'files', 'log' or 'kafka' is missing"});
    put("sources/t.yaml", "log: nowhere\ncontract: t\n");
    run_fails(1, {"sources/t.yaml:1:6", "there is no log in"});
    produce("{\"id\": 1}\n");
    put("sources/t.yaml", "log: order\ncontract: t\n");
    run_fails(1, {"has no topic 'order'", "orders"});
}

TEST_F(TopicIntake, up_takes_what_comes_and_ends_when_told) {
    put("weir.yaml", "name: shop\nintake: {epoch: 50ms}\n");
    Background up(project, {"up", "--only", "intake"}, project / "up.err");
    const auto wait_for = [&](const std::string& query, const std::string& answer) {
        for (int look = 0; look < 1200; ++look) {
            const auto asked = weir_with({"sql", query, "--format", "csv"});
            if (asked.exit_code == 0 && asked.out.substr(asked.out.find('\n') + 1) == answer) return;
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        ADD_FAILURE() << query << " never was " << answer << read(project / "up.err");
    };
    // The topic comes later than the intake; whoever makes it appends through the socket.
    produce("{\"id\": 1}\n{\"id\": 2}\nbroken\n", {"--partitions", "2"});
    wait_for("SELECT sum(\"read\")::BIGINT FROM weir.accounting", "3\n");
    produce("{\"id\": 2}\n{\"id\": 3}\n");
    wait_for("SELECT sum(\"read\")::BIGINT FROM weir.accounting", "5\n");
    EXPECT_EQ(accounts(), "5 3 1 1 0\n");
    run_fails(4, {"another weir"});
    EXPECT_EQ(up.end(SIGTERM), 0) << read(project / "up.err");
    EXPECT_THAT(read(project / "up.err"), HasSubstr("\"event\": \"status\""));
    run_ok();
    EXPECT_EQ(accounts(), "5 3 1 1 0\n");
}

TEST_F(TopicIntake, up_goes_on_with_the_others_until_none_is_left) {
    terms.quarantine_limit = "5";
    contract(terms);
    put("weir.yaml", "name: shop\nintake: {epoch: 50ms}\n");
    put("sources/other.yaml", "log: others\ncontract: t\ntable: other\n");
    const std::string one_bad =
        "SELECT '$t' AS topic, CASE WHEN n = 3 THEN 'no' ELSE '{\"id\": ' || (n + 100 * seed()) || '}' END AS value "
        "FROM numbers";
    const auto into = [&](const std::string& topic) {
        auto select = one_bad;
        return select.replace(select.find("$t"), 2, topic);
    };
    const std::string poison = "SELECT 'orders' AS topic, 'no' AS value FROM numbers";
    records(into("orders"), 10);
    records(into("others"), 10);
    Background up(project, {"up", "--only", "intake"}, project / "up.err");
    const auto wait_for = [&](const std::string& text) {
        for (int look = 0; look < 1200 && read(project / "up.err").find(text) == std::string::npos; ++look)
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        EXPECT_THAT(read(project / "up.err"), HasSubstr(text));
    };
    // One of ten is more than 5 %, but one alone is no poison.
    wait_for("\"read\":20");
    records(poison, 10);
    wait_for("source 't' stops: 11 of 20 records");
    records(into("others"), 10, {"--seed", "1"});
    wait_for("\"read\":30");
    records("SELECT 'others' AS topic, 'no' AS value FROM numbers", 10);
    for (int look = 0; look < 1200 && up.running(); ++look) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_FALSE(up.running());
    EXPECT_EQ(up.end(SIGTERM), 3) << read(project / "up.err");
    EXPECT_EQ(sql("SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM other), (SELECT count(*) FROM "
                  "weir.quarantine)"),
              "9,18,3\n");
}

// The same events by both ways give the same tables.
TEST(LogIntakeOfLearning, a_topic_gives_what_a_dump_of_it_gives) {
    const Scratch scratch("log_intake_of_learning");
    std::filesystem::copy(source_folder() / "projects" / "learning", scratch / "p",
                          std::filesystem::copy_options::recursive);
    const auto go = [&](std::vector<std::string> words) {
        words.insert(words.begin(), weir().string());
        const auto done = run(words, {.directory = scratch / "p"});
        EXPECT_EQ(done.exit_code, 0) << done.err;
        return done.out;
    };
    go({"generate", "events", "--count", "5000", "--seed", "3", "--out", "events.jsonl"});
    go({"generate", "events", "--count", "5000", "--seed", "3", "--to", "log", "--partitions", "3"});
    go({"run", "--lake", "files", "--param", "events=events.jsonl", "--param", "arrival_date=2025-12-01"});
    go({"run", "--lake", "log", "--param", "from=log", "--log", (scratch / "p" / "log").string()});
    for (const std::string table : {"auth", "assessment", "video", "course", "profile", "notification"}) {
        const auto rows =
            "SELECT * EXCLUDE (partition, \"offset\", seq, _arrival_date, _source_file, _source_line, "
            "_ingested_at) FROM " +
            table + " ORDER BY ALL";
        const auto from_files = go({"sql", "--lake", "files", rows, "--format", "csv"});
        EXPECT_GT(from_files.size(), 1000u);
        EXPECT_EQ(from_files, go({"sql", "--lake", "log", rows, "--format", "csv"})) << table;
    }
    const std::string why =
        "SELECT source, rule, \"column\", reason, count(*) FROM weir.quarantine WHERE rule <> 'bad_json' GROUP BY ALL "
        "ORDER BY ALL";
    EXPECT_EQ(go({"sql", "--lake", "files", why}), go({"sql", "--lake", "log", why}));
}

TEST_F(TopicIntake, a_table_that_is_removed_meanwhile_is_filled_again_from_the_beginning) {
    put("weir.yaml", "name: shop\nintake: {epoch: 20ms}\n");
    records("SELECT 'orders' AS topic, '{\"id\": ' || n || '}' AS value FROM numbers", 100);
    Background up(project, {"up", "--only", "intake"}, scratch.path() / "up");
    const auto landed = [&](const std::string& rows) {
        std::string found;
        for (int tries = 0; tries < 600 && !found.ends_with("\n" + rows + "\n"); ++tries) {
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
            found = weir_with({"sql", "SELECT count(*), min(_offset) FROM t", "--format", "csv"}).out;
        }
        return found.substr(found.find('\n') + 1);
    };
    EXPECT_EQ(landed("100,0"), "100,0\n") << read(scratch.path() / "up");
    // In one step: the process may be writing there.
    std::filesystem::rename(project / "lake" / "t", scratch.path() / "removed");
    records("SELECT 'orders' AS topic, '{\"id\": ' || n + 100 || '}' AS value FROM numbers", 100);
    EXPECT_EQ(landed("200,0"), "200,0\n") << read(scratch.path() / "up");
    EXPECT_EQ(up.end(SIGTERM), 0);
    EXPECT_THAT(read(scratch.path() / "up"), HasSubstr("it was removed, or made anew"));
}

TEST_F(TopicIntake, a_source_whose_contract_does_not_fit_its_table_stops_alone) {
    put("weir.yaml", "name: shop\nintake: {epoch: 20ms}\n");
    records("SELECT 'orders' AS topic, '{\"id\": ' || n || '}' AS value FROM numbers", 10);
    run_ok();
    put("sources/other.yaml", "log: orders\ncontract: other\n");
    put("contracts/other.odcs.yaml",
        "apiVersion: v3.0.2\nkind: DataContract\nid: other\nversion: \"1\"\nstatus: active\nschema:\n- name: other\n"
        "  properties:\n  - {name: id, logicalType: integer}\n");
    terms.columns[1] = "{name: amount, logicalType: string}";
    contract(terms);
    Background up(project, {"up", "--only", "intake"}, scratch.path() / "up");
    const auto all = [&] {
        return weir_with({"sql", "SELECT count(*) FROM other", "--format", "csv"}).out.ends_with("\n10\n");
    };
    for (int tries = 0; tries < 600 && !all(); ++tries) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(sql("SELECT count(*) FROM other"), "10\n") << read(scratch.path() / "up");
    EXPECT_EQ(up.end(SIGTERM), 0);
    EXPECT_THAT(read(scratch.path() / "up"), HasSubstr("source 't' stops"));
}

}  // namespace
}  // namespace weir::test

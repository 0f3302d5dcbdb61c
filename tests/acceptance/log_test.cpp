// The log by its commands: what goes in comes out, also through another process that owns it.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "support/shop.h"

namespace weir::test {
namespace {

using testing::HasSubstr;

class LogCommands : public Shop {
protected:
    LogCommands() { write(project / "weir.yaml", "name: shop\n"); }
    std::string consume(std::vector<std::string> more = {}) {
        std::vector<std::string> words{"consume", "orders"};
        words.insert(words.end(), more.begin(), more.end());
        const auto done = weir_with(words);
        EXPECT_EQ(done.exit_code, 0) << done.err;
        return done.out;
    }
};

TEST_F(LogCommands, lines_go_in_and_come_out_in_their_order) {
    put("a.jsonl", "{\"id\": 1}\n\n{\"id\": 2}\r\n{\"id\": 3}");
    auto done = weir_with({"produce", "orders", "--from", "a.jsonl", "a.jsonl"});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_THAT(done.out, HasSubstr("6 records into orders"));
    const std::string once = "{\"id\": 1}\n{\"id\": 2}\n{\"id\": 3}\n";
    EXPECT_EQ(consume(), once + once);
    EXPECT_EQ(consume({"--from", "2", "--count", "2"}), "{\"id\": 3}\n{\"id\": 1}\n");
    EXPECT_EQ(consume({"--from", "latest"}), "");
    EXPECT_EQ(consume({"--from", "2000-01-01", "--count", "1"}), "{\"id\": 1}\n");
    EXPECT_EQ(consume({"--from", "2999-01-01"}), "");
    const auto listed = nlohmann::json::parse(weir_with({"topic", "ls", "--json"}).out);
    EXPECT_EQ(listed.at(0).at("offsets"), 6);
}

TEST_F(LogCommands, a_named_pipe_is_read_like_a_file) {
    const auto done =
        run({"bash", "-c",
             "mkfifo pipe && (printf 'a\\nb\\n' > pipe &) && '" + weir().string() + "' produce orders --from pipe"},
            {.directory = project});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(consume(), "a\nb\n");
}

TEST_F(LogCommands, keys_choose_the_partition_as_kafka_does) {
    put("a.jsonl",
        "{\"k\": \"a\", \"n\": 1}\n{\"k\": 17, \"n\": 2}\n{\"k\": null, \"n\": 3}\n{\"n\": 4}\n{\"k\": \"\\u00e4\", "
        "\"n\": 5}\n");
    const auto done =
        weir_with({"produce", "orders", "--from", "a.jsonl", "--key", "k", "--partitions", "3", "--json"});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(nlohmann::json::parse(done.out).at("records"), 5);
    EXPECT_EQ(nlohmann::json::parse(done.out).at("without_key"), 2);
    EXPECT_THAT(done.err, HasSubstr("2 of 5 records have no key: their lines have no 'k'"));
    std::map<int, nlohmann::json> by_number;
    std::istringstream lines(consume({"--json"}));
    for (std::string line; std::getline(lines, line);) {
        const auto record = nlohmann::json::parse(line);
        by_number[nlohmann::json::parse(record.at("value").get<std::string>()).at("n")] = record;
    }
    ASSERT_EQ(by_number.size(), 5u);
    EXPECT_EQ(by_number[1].at("key"), "a");
    EXPECT_EQ(by_number[2].at("key"), "17");
    EXPECT_TRUE(by_number[3].at("key").is_null());
    EXPECT_EQ(by_number[5].at("key"), "\u00e4");
    EXPECT_TRUE(by_number[5].at("headers").empty());
    const auto other = weir_with({"produce", "orders", "--from", "a.jsonl", "--partitions", "4"});
    EXPECT_EQ(other.exit_code, 1);
    EXPECT_THAT(other.err, HasSubstr("has 3 partitions"));
}

TEST_F(LogCommands, a_line_that_cannot_be_taken_is_named_and_those_before_are_in) {
    put("a.jsonl", "{\"k\": 1}\n{\"k\": 2\n{\"k\": 3}\n");
    const auto done = weir_with({"produce", "orders", "--from", "a.jsonl", "--key", "k"});
    EXPECT_EQ(done.exit_code, 3);
    EXPECT_THAT(done.err, HasSubstr("a.jsonl:2"));
    EXPECT_THAT(done.out, HasSubstr("1 record into orders"));
    EXPECT_EQ(consume(), "{\"k\": 1}\n");
}

TEST_F(LogCommands, mistakes_have_their_way_out) {
    put("a.jsonl", "1\n");
    const auto expect = [&](std::vector<std::string> words, int code, const std::string& said) {
        const auto done = weir_with(words);
        EXPECT_EQ(done.exit_code, code) << done.err;
        EXPECT_THAT(done.err, HasSubstr(said));
    };
    expect({"consume", "orders"}, 1, "no topic 'orders'");
    expect({"produce", "orders"}, 2, "--from FILE");
    expect({"produce", "../orders", "--from", "a.jsonl"}, 2, "cannot be the name of a topic");
    expect({"produce", "orders", "--from", "none.jsonl"}, 4, "none.jsonl");
    expect({"topic", "create", "x", "--partitions", "9999"}, 2, "cannot have 9999 partitions");
    expect({"topic", "create", "x", "--retention", "soon"}, 2, "7d");
    expect({"topic", "create", "x", "--tombstones", "1h"}, 2, "--compact");
    EXPECT_EQ(nlohmann::json::parse(weir_with({"topic", "ls", "--json"}).out).size(), 0u);
    ASSERT_EQ(weir_with({"produce", "orders", "--from", "a.jsonl"}).exit_code, 0);
    expect({"consume", "order"}, 1, "did you mean 'orders'");
    expect({"consume", "orders", "--from", "7"}, 3, "ends before 1");
    expect({"consume", "orders", "--from", "soon"}, 2, "earliest");
    expect({"consume", "orders", "--partition", "3"}, 2, "no partition 3");
    ASSERT_EQ(weir_with({"topic", "create", "prices", "--compact"}).exit_code, 0);
    expect({"produce", "prices", "--from", "a.jsonl"}, 2, "--key");
    write(project / "log" / "format", "weir log 9\n");
    expect({"consume", "orders"}, 4, "version 9");
    write(project / "weir.yaml", "name: shop\nlog: {sync: sometimes}\n");
    expect({"consume", "orders"}, 1, "weir.yaml:2");
}

TEST_F(LogCommands, topics_are_made_shown_compacted_and_deleted) {
    put("a.jsonl", "{\"k\": 1, \"v\": 1}\n{\"k\": 2, \"v\": 1}\n{\"k\": 1, \"v\": 2}\n");
    ASSERT_EQ(weir_with({"topic", "create", "orders", "--compact"}).exit_code, 0);
    ASSERT_EQ(weir_with({"produce", "orders", "--from", "a.jsonl", "--key", "k"}).exit_code, 0);
    const auto compacted = weir_with({"topic", "compact", "orders", "--json"});
    EXPECT_EQ(compacted.exit_code, 0) << compacted.err;
    EXPECT_EQ(nlohmann::json::parse(compacted.out).at("records_after"), 2);
    EXPECT_EQ(consume(), "{\"k\": 2, \"v\": 1}\n{\"k\": 1, \"v\": 2}\n");
    const auto shown = nlohmann::json::parse(weir_with({"topic", "show", "orders", "--check", "--json"}).out);
    EXPECT_EQ(shown.at("partitions").at(0).at("end"), 3);
    EXPECT_TRUE(shown.at("partitions").at(0).at("damage").empty());
    ASSERT_EQ(weir_with({"topic", "delete", "orders"}).exit_code, 0);
    EXPECT_EQ(nlohmann::json::parse(weir_with({"topic", "ls", "--json"}).out).size(), 0u);
}

TEST_F(LogCommands, damage_is_told_with_its_offsets) {
    write(project / "weir.yaml", "name: shop\nlog: {path: elsewhere}\n");
    for (const auto* line : {"one\n", "two\n", "three\n"}) {
        put("a.txt", line);
        ASSERT_EQ(weir_with({"produce", "orders", "--from", "a.txt"}).exit_code, 0);
    }
    const auto file = project / "elsewhere" / "topics" / "orders" / "0" / "00000000000000000000.seg";
    auto bytes = read(file);
    bytes[bytes.find("two")] = 'T';
    write(file, bytes);
    const auto consumed = weir_with({"consume", "orders"});
    EXPECT_EQ(consumed.exit_code, 4);
    EXPECT_EQ(consumed.out, "one\n");
    EXPECT_THAT(consumed.err, HasSubstr("offsets 1 to 1"));
    EXPECT_EQ(consume({"--from", "2"}), "three\n");
    const auto shown = weir_with({"topic", "show", "orders", "--check"});
    EXPECT_EQ(shown.exit_code, 4);
    EXPECT_THAT(shown.out, HasSubstr("offsets 1 to 1"));
}

// A `weir produce` that reads from a pipe owns the log as long as the pipe is open; the others publish through it.
TEST_F(LogCommands, two_producers_at_once_and_a_follower) {
    put("a.jsonl", "other\n");
    const auto script =
        "set -e\n"
        "mkfifo pipe\n"
        "'" +
        weir().string() +
        "' produce orders --from - < pipe > owner.out &\n"
        "exec 3> pipe\n"
        "echo first >&3\n"
        "for i in $(seq 200); do [ -e log/topics/orders/topic.json ] && [ -S log/socket ] && break; sleep 0.05; done\n"
        "timeout 20 '" +
        weir().string() +
        "' consume orders --follow --count 3 > followed.out 3>&- &\n"
        "follower=$!\n"
        "'" +
        weir().string() +
        "' produce orders --from a.jsonl a.jsonl\n"
        "'" +
        weir().string() +
        "' topic create more\n"
        "exec 3>&-\n"
        "wait $follower\n"
        "wait\n";
    const auto done = run({"bash", "-c", script}, {.directory = project, .environment = {}});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_THAT(done.out, HasSubstr("2 records into orders"));
    EXPECT_THAT(read(project / "owner.out"), HasSubstr("1 record into orders"));
    EXPECT_EQ(read(project / "followed.out"), "other\nother\nfirst\n");
}

}  // namespace
}  // namespace weir::test

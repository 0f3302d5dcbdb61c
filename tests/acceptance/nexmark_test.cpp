// The shipped nexmark project, from the command line: a generated stream that arrives in random pieces, in any order,
// against the same queries over whole tables.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "sql/database.h"
#include "support/nexmark_oracle.h"
#include "support/places.h"
#include "support/process.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path project = source_folder() / "projects" / "nexmark";

class Nexmark : public testing::Test {
protected:
    Scratch scratch{"nexmark"};

    Finished weir_with(const std::string& command, std::vector<std::string> more) {
        more.insert(more.begin(), {weir().string(), command, project.string()});
        return run(more, {.timeout_seconds = 850});
    }
    std::string ok(const std::string& command, std::vector<std::string> more) {
        const auto finished = weir_with(command, std::move(more));
        EXPECT_EQ(finished.exit_code, 0) << command << "\n" << finished.out << finished.err;
        return finished.out;
    }
    std::string lake() const { return (scratch / "lake").string(); }
    void run_ok() {
        ok("run", {"--lake", lake(), "--param", "events=" + (scratch / "in").string(), "--param",
                   "side_input=" + (scratch / "side_input.jsonl").string(), "--param", "arrival_date=2024-03-01"});
    }
    void expect_verified() {
        const auto verdicts = json::parse(ok("verify", {"--lake", lake(), "--json"}), nullptr, false);
        ASSERT_TRUE(verdicts.is_object());
        EXPECT_EQ(verdicts.at("equal"), true) << verdicts.dump(1);
        EXPECT_EQ(verdicts.at("verdicts").size(), nexmark_queries.size());
    }
    // Every view holds the rows that its query gives over the whole stream.
    void expect_answers(const fs::path& stream) {
        auto database = std::move(sql::Database::open({})).value();
        auto connection = std::move(database.connect()).value();
        const auto sql = [&](const std::string& statement) {
            const auto done = connection.run(statement);
            ASSERT_TRUE(done) << statement << "\n" << done.error().message;
        };
        const auto table = [&](const std::string& name, const fs::path& file, const std::string& columns) {
            sql("CREATE TABLE " + name + " AS SELECT * EXCLUDE event FROM read_json('" + file.string() +
                "', format = 'newline_delimited', columns = {event: 'VARCHAR', " + columns + "})" +
                (name == "side_input" ? "" : " WHERE event = '" + name + "'"));
        };
        table("person", stream,
              "id: 'BIGINT', name: 'VARCHAR', emailAddress: 'VARCHAR', creditCard: 'VARCHAR', city: 'VARCHAR', "
              "state: 'VARCHAR', dateTime: 'TIMESTAMP', extra: 'VARCHAR'");
        table("auction", stream,
              "id: 'BIGINT', itemName: 'VARCHAR', description: 'VARCHAR', initialBid: 'BIGINT', reserve: 'BIGINT', "
              "dateTime: 'TIMESTAMP', expires: 'TIMESTAMP', seller: 'BIGINT', category: 'BIGINT', extra: 'VARCHAR'");
        table("bid", stream,
              "auction: 'BIGINT', bidder: 'BIGINT', price: 'BIGINT', channel: 'VARCHAR', url: 'VARCHAR', "
              "dateTime: 'TIMESTAMP', extra: 'VARCHAR'");
        table("side_input", scratch / "side_input.jsonl", "key: 'BIGINT', value: 'VARCHAR'");
        for (const auto& query : nexmark_queries) {
            const std::string name(query.view);
            const auto file = (scratch / (name + ".parquet")).string();
            ok("sql", {"SELECT * FROM " + name, "--lake", lake(), "--format", "parquet", "--out", file});
            sql("CREATE TABLE ours_" + name + " AS FROM read_parquet('" + file + "')");
            sql("CREATE TABLE theirs_" + name + " AS " + std::string(query.sql));
            const auto counts = connection.query(
                "SELECT (SELECT count(*) FROM theirs_" + name + "), (SELECT count(*) FROM (FROM ours_" + name +
                " EXCEPT ALL FROM theirs_" + name + ")), (SELECT count(*) FROM (FROM theirs_" + name +
                " EXCEPT ALL FROM ours_" + name + "))");
            ASSERT_TRUE(counts) << name << ": " << counts.error().message;
            EXPECT_GT(counts->integer(0, 0), 0) << name << ": the stream gives this query nothing to do";
            EXPECT_EQ(counts->integer(0, 1), 0) << name << ": rows that should not be there";
            EXPECT_EQ(counts->integer(0, 2), 0) << name << ": rows that are missing";
        }
    }
};

TEST_F(Nexmark, a_stream_in_random_pieces_gives_what_the_whole_stream_gives) {
    const char* given = std::getenv("WEIR_SEED");
    const auto seed = given != nullptr ? std::stoull(given) : std::random_device{}();
    std::cout << "seed " << seed << " (WEIR_SEED repeats it)\n";
    SCOPED_TRACE("WEIR_SEED=" + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto stream = scratch / "stream.jsonl";
    // Slow enough for some windows, and out of order beyond their limits.
    ok("generate", {"events", "--count", "4000", "--seed", std::to_string(random() % 1000), "--param", "rate=80",
                    "--param", "group=200", "--out", stream.string()});
    ok("generate", {"side_input", "--count", "1100", "--out", (scratch / "side_input.jsonl").string()});
    std::vector<std::string> pieces(6);
    {
        std::ifstream in(stream);
        std::vector<std::size_t> ends;
        for (std::size_t i = 0; i + 1 < pieces.size(); ++i) ends.push_back(random() % 4000);
        std::sort(ends.begin(), ends.end());
        std::size_t number = 0;
        for (std::string line; std::getline(in, line); ++number)
            pieces[static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), number) - ends.begin())] +=
                line + "\n";
        ASSERT_EQ(number, 4000u);
    }
    std::shuffle(pieces.begin(), pieces.end(), random);
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        write(scratch / "in" / ("piece" + std::to_string(i) + ".jsonl"), pieces[i]);
        run_ok();
        if (i == pieces.size() / 2) expect_verified();
    }
    expect_verified();
    expect_answers(stream);
}

TEST_F(Nexmark, a_topic_gives_what_the_file_gives) {
    const auto stream = scratch / "stream.jsonl";
    const std::vector<std::string> of_log{"--param", "from=log", "--log", (scratch / "log").string()};
    const auto with = [&](std::vector<std::string> words) {
        words.insert(words.end(), of_log.begin(), of_log.end());
        return words;
    };
    ok("generate", {"events", "--count", "4000", "--param", "rate=80", "--out", stream.string()});
    ok("generate", {"side_input", "--count", "1100", "--out", (scratch / "side_input.jsonl").string()});
    ok("produce", with({"nexmark", "--from", stream.string(), "--partitions", "2"}));
    ok("run", with({"--lake", lake(), "--param", "side_input=" + (scratch / "side_input.jsonl").string(), "--quiet"}));
    expect_answers(stream);
}

TEST_F(Nexmark, the_stream_has_the_shares_of_the_benchmark) {
    const auto stream = scratch / "stream.jsonl";
    ok("generate", {"events", "--count", "20000", "--seed", "3", "--out", stream.string()});
    std::map<std::string, int> kinds;
    std::map<int, int> auctions, bidders, sellers;
    std::ifstream in(stream);
    int number = 0, newest_auction = -1, newest_person = -1, hot = 0, hot_bidders = 0, hot_sellers = 0,
        big_channels = 0;
    std::map<std::string, double> bytes;
    for (std::string line; std::getline(in, line); ++number) {
        const auto event = json::parse(line);
        const auto kind = event.at("event").get<std::string>();
        ASSERT_EQ(kind, number % 50 == 0 ? "person" : number % 50 < 4 ? "auction" : "bid") << number;
        ++kinds[kind];
        if (kind == "person") {
            ASSERT_EQ(event.at("id"), 1000 + ++newest_person);
            bytes[kind] += 16;
            for (const auto* name : {"name", "emailAddress", "creditCard", "city", "state", "extra"})
                bytes[kind] += static_cast<double>(event.at(name).get<std::string>().size());
        } else if (kind == "auction") {
            ASSERT_EQ(event.at("id"), 1000 + ++newest_auction);
            ASSERT_GE(event.at("reserve"), event.at("initialBid"));
            ASSERT_GT(event.at("expires").get<std::string>(), event.at("dateTime").get<std::string>());
            hot_sellers += event.at("seller") == 1000 + newest_person / 100 * 100 ? 1 : 0;
            ASSERT_TRUE(event.at("category") >= 10 && event.at("category") <= 14);
        } else {
            const auto auction = event.at("auction").get<int>() - 1000;
            const auto bidder = event.at("bidder").get<int>() - 1000;
            const bool is_hot = auction == newest_auction / 100 * 100;
            ASSERT_TRUE(is_hot || (auction >= newest_auction - 99 && auction <= newest_auction + 10)) << number;
            ASSERT_TRUE(bidder >= 0 && bidder <= newest_person + 10) << number;
            hot += is_hot ? 1 : 0;
            hot_bidders += bidder == newest_person / 100 * 100 + 1 ? 1 : 0;
            big_channels += event.at("channel").get<std::string>().starts_with("channel-") ? 0 : 1;
            ASSERT_TRUE(event.at("price") >= 100 && event.at("price") <= 100000000) << number;
        }
    }
    EXPECT_EQ(kinds, (std::map<std::string, int>{{"person", 400}, {"auction", 1200}, {"bid", 18400}}));
    EXPECT_NEAR(hot / 18400.0, 0.5, 0.03);
    EXPECT_NEAR(hot_bidders / 18400.0, 0.75, 0.03);
    EXPECT_NEAR(hot_sellers / 1200.0, 0.75, 0.05);
    EXPECT_NEAR(big_channels / 18400.0, 0.5, 0.02);
    EXPECT_NEAR(bytes["person"] / 400, 200, 15);
}

TEST_F(Nexmark, out_of_order_events_are_the_same_events) {
    const auto lines = [&](const std::string& group) {
        std::vector<std::string> made;
        std::istringstream in(ok("generate", {"events", "--count", "3000", "--param", "group=" + group}));
        for (std::string line; std::getline(in, line);) made.push_back(line);
        return made;
    };
    auto in_order = lines("1"), out_of_order = lines("100");
    EXPECT_NE(in_order, out_of_order);
    std::sort(in_order.begin(), in_order.end());
    std::sort(out_of_order.begin(), out_of_order.end());
    EXPECT_EQ(in_order, out_of_order);
}

TEST_F(Nexmark, the_sample_runs_as_it_is) {
    ok("run", {"--lake", lake()});
    expect_verified();
}

}  // namespace
}  // namespace weir::test

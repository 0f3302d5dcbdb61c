// weir up, all parts: what is produced is in the views within the second, and what is published is what they were.
#include <atomic>
#include <csignal>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <thread>

#include "support/server.h"
#include "support/shop.h"

namespace weir::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class Up : public Shop {
protected:
    Up() {
        put("weir.yaml", "name: shop\nintake: {epoch: 30ms}\nbatch: {every: 200ms}\n");
        put("sources/t.yaml", "log: orders\ncontract: t\n");
        Terms terms;
        terms.custom = "  - {property: deduplicate, value: [id]}\n";
        contract(terms);
        view("sums", "SELECT name, count(*) AS n, sum(id)::BIGINT AS ids FROM t GROUP BY name\n");
        view("newest", "SELECT DISTINCT ON (name) name, id FROM t ORDER BY name, id DESC\n");
        view("steps", "SELECT id, id - lag(id) OVER (ORDER BY id) AS step FROM t\n");
        view("whole", "SELECT (SELECT count(*) FROM t) AS n, (SELECT sum(n)::BIGINT FROM sums) AS of_sums\n");
    }

    // Sends lines and remembers what of them counts.
    void produce(int count) {
        std::string lines;
        for (int i = 0; i < count; ++i) {
            if (random() % 20 == 0) {
                lines += "no row\n";
                ++broken;
                continue;
            }
            const bool again = next > 0 && random() % 10 == 0;
            const int id = again ? static_cast<int>(random() % static_cast<unsigned>(next)) : next++;
            const auto name = "n" + std::to_string(id % 7);
            lines += json{{"id", id}, {"name", name}, {"amount", 1}}.dump() + "\n";
            if (again) continue;
            expected[name].first += 1;
            expected[name].second += id;
        }
        write(project / "lines", lines);
        const auto done = weir_with({"produce", "orders", "--from", "lines"});
        ASSERT_EQ(done.exit_code, 0) << done.err;
    }

    static std::map<std::string, std::pair<int, long>> sums_in(const json& answer) {
        std::map<std::string, std::pair<int, long>> sums;
        for (const auto& row : answer.at("data")) sums[row.at("name")] = {row.at("n"), row.at("ids")};
        return sums;
    }

    // Asks until the view is what was produced; never more than that.
    void wait_until_there(const UpServer& up, const std::string& layer) {
        std::string last;
        for (int look = 0; look < 1000; ++look) {
            const auto answer = up.get("/views/sums?layer=" + layer);
            if (answer.status == 200) {
                const auto parsed = json::parse(answer.body);
                if (sums_in(parsed) == expected) return;
                int found = 0;
                for (const auto& [name, sums] : sums_in(parsed)) found += sums.first;
                EXPECT_LE(found, next) << answer.body;
            }
            last = answer.body;
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        ADD_FAILURE() << layer << " never was what came in: " << last << "\n" << up.err();
    }

    std::mt19937_64 random{std::random_device{}()};
    std::map<std::string, std::pair<int, long>> expected;  // name -> count, sum of ids
    int next = 0, broken = 0;
};

TEST_F(Up, views_follow_the_log_and_are_published) {
    UpServer up(project, {});
    ASSERT_NE(up.port(), 0) << up.err();
    for (int round = 0; round < 6; ++round) {
        produce(1 + static_cast<int>(random() % 200));
        wait_until_there(up, "merged");
        if (HasFailure()) return;
        const auto whole = json::parse(up.get("/views/whole").body);
        EXPECT_EQ(whole.at("meta").at("layer"), "merged");
        EXPECT_EQ(whole.at("data").at(0).at("n"), next);
        EXPECT_EQ(whole.at("data").at(0).at("of_sums"), next);
        const auto verdicts = weir_with({"verify", "--live", "--json"});
        EXPECT_EQ(verdicts.exit_code, 0) << verdicts.out;
    }
    // A cursor pages the rows of the moment at which it was given.
    const auto first = json::parse(up.get("/views/steps?limit=10").body);
    const auto rows_then = next;
    produce(50);
    wait_until_there(up, "merged");
    std::size_t paged = first.at("data").size();
    for (auto at = first.at("next"); !at.is_null();) {
        const auto answer = up.get(at.get<std::string>());
        ASSERT_EQ(answer.status, 200) << answer.body;
        const auto page = json::parse(answer.body);
        paged += page.at("data").size();
        at = page.at("next");
    }
    EXPECT_EQ(paged, static_cast<std::size_t>(rows_then));
    wait_until_there(up, "batch");
    const auto tag = up.get("/views/sums").field("etag");
    EXPECT_EQ(up.get("/views/sums", {{"If-None-Match", tag}}).status, 304);
    EXPECT_EQ(up.get("/views/sums?as_of=2024-01-01").status, 422);
    // Earlier results are of the batch layer, and of no other.
    const auto published_at = up.get("/views/sums?layer=batch").field("weir-published-at");
    const auto known = up.get("/views/sums?known_at=" + published_at);
    EXPECT_EQ(known.status, 200) << known.body;
    EXPECT_EQ(known.field("weir-layer"), "batch");
    EXPECT_EQ(up.get("/views/sums?layer=merged&known_at=" + published_at).status, 422);
    EXPECT_EQ(up.get("/views/sun").status, 404);
    EXPECT_THAT(up.get("/views").body, HasSubstr("\"sums\""));
    run_fails(4, {"another weir"});
    EXPECT_EQ(up.stop(), 0) << up.err();
    EXPECT_THAT(up.err(), HasSubstr("\"speed\": {"));
    EXPECT_THAT(up.err(), HasSubstr("\"batch\": {"));
    EXPECT_EQ(weir_with({"verify"}).exit_code, 0);
    EXPECT_EQ(sql("SELECT sum(accepted)::BIGINT, sum(quarantined)::BIGINT FROM weir.accounting"),
              std::to_string(next) + "," + std::to_string(broken) + "\n");
    run_ok();
    EXPECT_EQ(sql("SELECT n, of_sums FROM whole"), std::to_string(next) + "," + std::to_string(next) + "\n");
}

TEST_F(Up, what_is_published_is_of_one_moment_while_rows_come_in) {
    UpServer up(project, {});
    ASSERT_NE(up.port(), 0) << up.err();
    produce(100);
    wait_until_there(up, "batch");
    std::atomic<bool> stop = false;
    std::jthread producer([&] {
        for (int i = 0; !stop && i < 300; ++i) produce(20);
    });
    std::set<std::int64_t> publications;
    for (int look = 0; look < 12 || (publications.size() < 3 && look < 100); ++look) {
        const auto whole = json::parse(up.get("/views/whole?layer=batch").body);
        const auto& row = whole.at("data").at(0);
        EXPECT_EQ(row.at("n"), row.at("of_sums")) << whole;
        publications.insert(whole.at("meta").at("publication").get<std::int64_t>());
        const auto verdicts = weir_with({"verify", "--json"});
        EXPECT_EQ(verdicts.exit_code, 0) << verdicts.out << verdicts.err;
    }
    stop = true;
    producer.join();
    EXPECT_GT(publications.size(), 2U);
    EXPECT_EQ(up.stop(), 0) << up.err();
}

TEST_F(Up, files_are_taken_in_by_its_runs) {
    source("in/*.csv");
    UpServer up(project, {});
    ASSERT_NE(up.port(), 0) << up.err();
    put("in/a.csv", header + rows(10));
    for (int look = 0; look < 3000; ++look) {
        const auto answer = up.get("/views/whole?layer=batch");
        if (answer.status == 200 && json::parse(answer.body).at("data").at(0).at("n") == 10) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_EQ(json::parse(up.get("/views/whole?layer=batch").body).at("data").at(0).at("n"), 10) << up.err();
    EXPECT_EQ(json::parse(up.get("/views/whole").body).at("data").at(0).at("n"), 10);
    EXPECT_EQ(up.stop(), 0) << up.err();
}

TEST_F(Up, killed_at_any_time_it_goes_on_without_loss) {
    for (int round = 0; round < 5 && !HasFailure(); ++round) {
        UpServer up(project, {});
        ASSERT_NE(up.port(), 0) << up.err();
        produce(100);
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 400));
        EXPECT_EQ(up.stop(SIGKILL), 128 + SIGKILL);
    }
    UpServer up(project, {});
    ASSERT_NE(up.port(), 0) << up.err();
    wait_until_there(up, "merged");
    wait_until_there(up, "batch");
    EXPECT_EQ(up.stop(), 0) << up.err();
    EXPECT_EQ(weir_with({"verify"}).exit_code, 0);
    EXPECT_EQ(sql("SELECT sum(accepted)::BIGINT, sum(quarantined)::BIGINT FROM weir.accounting"),
              std::to_string(next) + "," + std::to_string(broken) + "\n");
}

}  // namespace
}  // namespace weir::test

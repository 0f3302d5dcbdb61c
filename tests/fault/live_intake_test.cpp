// `weir up --only intake` under kill -9, while other processes append through it: each message is in the table, in
// quarantine or counted as a duplicate, once, whenever it was killed, and compaction goes on beside it.
//
//   WEIR_FAULT_SEED=N    when to kill
//   WEIR_FAULT_ROUNDS=N  how often, default 12
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>
#include <thread>

#include "support/background.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;

class LiveIntakeFault : public testing::Test {
protected:
    LiveIntakeFault() {
        write(project / "weir.yaml",
              "name: shop\nlog: {sync: never}\nintake: {epoch: 30ms, rows: 500, compact_files: 4}\n");
        write(project / "sources" / "t.yaml", "log: t\nsequence: seq\n");
        write(project / "contracts" / "t.odcs.yaml",
              "apiVersion: v3.1.0\nkind: DataContract\nid: t\nversion: \"1.0.0\"\nstatus: active\nschema:\n- name: t\n"
              "  logicalType: object\n  customProperties:\n  - {property: quarantineLimit, value: 50}\n"
              "  - {property: deduplicate, value: [id]}\n  properties:\n"
              "  - {name: id, logicalType: integer, required: true}\n"
              "  - {name: _partition, logicalType: integer}\n  - {name: _offset, logicalType: integer}\n");
    }
    Finished go(std::vector<std::string> words) const {
        words.insert(words.begin(), weir().string());
        return run(words, {.directory = project});
    }
    std::string sql(const std::string& statement) const {
        const auto done = go({"sql", statement, "--format", "csv"});
        EXPECT_EQ(done.exit_code, 0) << statement << "\n" << done.err;
        return done.out.substr(done.out.find('\n') + 1);
    }
    Scratch scratch{"live-fault"};
    fs::path project = scratch / "p";
};

TEST_F(LiveIntakeFault, kill_9_at_any_time_loses_nothing_and_doubles_nothing) {
    const char* seed_text = std::getenv("WEIR_FAULT_SEED");
    const auto seed = seed_text != nullptr ? std::stoul(seed_text) : std::random_device{}();
    const char* rounds_text = std::getenv("WEIR_FAULT_ROUNDS");
    const int rounds = rounds_text != nullptr ? std::stoi(rounds_text) : 12;
    std::cout << "WEIR_FAULT_SEED=" << seed << std::endl;
    std::mt19937_64 random(seed);

    ASSERT_EQ(go({"topic", "create", "t", "--partitions", "3"}).exit_code, 0);
    constexpr int messages = 2000, dirt_every = 50;
    int produced = 0, duplicates = 0, broken = 0;
    for (int round = 0; round < rounds; ++round) {
        // The last tenth of the round before comes again.
        std::string lines;
        for (int i = 0; i < messages; ++i, ++produced) {
            const bool again = round > 0 && i < messages / 10;
            const int id = again ? (round - 1) * messages + messages - 1 - i : round * messages + i;
            const bool dirty = id % dirt_every == 0;
            broken += dirty;
            duplicates += again && !dirty;
            lines += dirty ? fmt::format("{{\"id\": \"no {}\"}}\n", id) : fmt::format("{{\"id\": {}}}\n", id);
        }
        write(project / "lines", lines);
        Background up(project, {"up", "--only", "intake"}, project / "up.err");
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 300));
        std::thread producer([&] {
            const auto done = go({"produce", "t", "--from", "lines", "--key", "id"});
            EXPECT_EQ(done.exit_code, 0) << done.err;
        });
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 1500));
        EXPECT_EQ(up.end(SIGKILL), 128 + SIGKILL) << read(project / "up.err");
        producer.join();
        // What is there is there once; what is accounted for is there.
        EXPECT_EQ(
            sql("SELECT count(*) - count(DISTINCT id), count(*) - count(DISTINCT (_partition, _offset)), count(*) "
                "- count(DISTINCT seq), (SELECT coalesce(sum(accepted), 0) FROM weir.accounting) <= count(*), "
                "(SELECT coalesce(bool_and(\"read\" = accepted + duplicate + quarantined + filtered), true) FROM "
                "weir.accounting) FROM t"),
            "0,0,0,true,true\n")
            << "round " << round;
        if (HasFailure()) return;
    }
    // Started once more, it takes the rest, and ends when it is told to.
    Background up(project, {"up", "--only", "intake"}, project / "up.err");
    const auto everything = std::to_string(produced) + "\n";
    for (int look = 0; look < 600; ++look) {
        if (sql("SELECT coalesce(sum(\"read\"), 0)::BIGINT FROM weir.accounting") == everything) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    EXPECT_EQ(up.end(SIGTERM), 0) << read(project / "up.err");
    EXPECT_EQ(sql("SELECT sum(\"read\")::BIGINT, sum(accepted)::BIGINT, sum(duplicate)::BIGINT, "
                  "sum(quarantined)::BIGINT, (SELECT count(*) FROM t), (SELECT count(*) FROM weir.quarantine) FROM "
                  "weir.accounting"),
              fmt::format("{0},{1},{2},{3},{1},{3}\n", produced, produced - duplicates - broken, duplicates, broken));
    EXPECT_EQ(sql("SELECT count(*) - count(DISTINCT id), count(*) - count(DISTINCT (_partition, _offset)), count(*) - "
                  "count(DISTINCT seq), max(seq) <= (SELECT sum(\"read\") FROM weir.accounting) FROM t"),
              "0,0,0,true\n");
    // Compaction worked meanwhile.
    EXPECT_NE(go({"table", "history", "t", "--limit", "0"}).out.find("OPTIMIZE"), std::string::npos);
    EXPECT_EQ(go({"run"}).exit_code, 0);
    EXPECT_EQ(sql("SELECT sum(\"read\")::BIGINT FROM weir.accounting"), everything);
}

}  // namespace
}  // namespace weir::test

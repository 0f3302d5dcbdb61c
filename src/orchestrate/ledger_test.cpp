#include "orchestrate/ledger.h"

#include <gtest/gtest.h>

#include <fstream>

#include "orchestrate/lock.h"

namespace weir::orchestrate {
namespace {

namespace fs = std::filesystem;

class LedgerTest : public testing::Test {
protected:
    LedgerTest() {
        folder = fs::temp_directory_path() / ("weir-ledger-" + std::to_string(::getpid()));
        fs::remove_all(folder);
        fs::create_directories(folder);
    }
    ~LedgerTest() override { fs::remove_all(folder); }
    fs::path folder;
    const Time start = Time{std::chrono::hours{24 * 19000}};
};

TEST_F(LedgerTest, remembers_steps_over_a_restart) {
    const Day day = *parse_day("2024-03-01");
    {
        auto ledger = Ledger::open(folder / "ledger.db");
        ASSERT_TRUE(ledger) << to_string(ledger.error());
        auto id = ledger->begin({.run_id = "r1",
                                 .kind = StepKind::view,
                                 .node = "v",
                                 .interval_from = day,
                                 .started_at = start,
                                 .reason = "new"});
        ASSERT_TRUE(id);
        ASSERT_TRUE(ledger->finish({.id = *id,
                                    .state = StepState::done,
                                    .finished_at = start,
                                    .rows = 3,
                                    .reason = "found",
                                    .fingerprint = "abc"}));
        ASSERT_TRUE(ledger->begin({.run_id = "r2",
                                   .kind = StepKind::view,
                                   .node = "v",
                                   .interval_from = day,
                                   .started_at = start,
                                   .reason = "again"}));
    }
    auto ledger = Ledger::open(folder / "ledger.db");
    ASSERT_TRUE(ledger);
    // The second computation never finished: it does not count.
    EXPECT_EQ(*ledger->fingerprint("v", day), "abc");
    EXPECT_EQ(*ledger->fingerprint("w", day), "");
    const auto steps = ledger->steps(10);
    ASSERT_TRUE(steps);
    ASSERT_EQ(steps->size(), 2u);
    EXPECT_EQ((*steps)[0].run_id, "r2");
    EXPECT_EQ((*steps)[0].state, StepState::running);
    EXPECT_EQ((*steps)[1].rows, 3);
    EXPECT_EQ((*steps)[1].reason, "found");
    EXPECT_EQ((*steps)[1].interval_from, day);
}

TEST_F(LedgerTest, run_ids_rise_when_the_clock_falls) {
    auto ledger = Ledger::open(folder / "ledger.db");
    ASSERT_TRUE(ledger);
    const auto first = ledger->new_run_id(start);
    ASSERT_TRUE(ledger->begin({.run_id = *first, .node = "s", .started_at = start, .reason = ""}));
    const auto second = ledger->new_run_id(start - std::chrono::hours{5});
    EXPECT_LE(first->substr(0, 18), second->substr(0, 18));
    EXPECT_NE(*first, *second);
}

TEST_F(LedgerTest, looking_makes_none) {
    auto looked = Ledger::look(folder / "none" / "ledger.db");
    ASSERT_TRUE(looked) << to_string(looked.error());
    EXPECT_TRUE(looked->steps(1)->empty());
    EXPECT_FALSE(fs::exists(folder / "none"));
}

TEST_F(LedgerTest, a_damaged_ledger_is_set_aside) {
    std::ofstream(folder / "ledger.db") << std::string(8192, 'x');
    auto ledger = Ledger::open(folder / "ledger.db");
    ASSERT_TRUE(ledger) << to_string(ledger.error());
    EXPECT_TRUE(fs::exists(ledger->set_aside()));
    EXPECT_TRUE(ledger->steps(1)->empty());
}

TEST_F(LedgerTest, one_run_a_lake) {
    auto first = RunLock::take(folder);
    ASSERT_TRUE(first);
    auto second = RunLock::take(folder);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::lake_locked);
    EXPECT_NE(second.error().message.find(std::to_string(::getpid())), std::string::npos);
    { auto released = std::move(first).value(); }
    EXPECT_TRUE(RunLock::take(folder));
}

}  // namespace
}  // namespace weir::orchestrate

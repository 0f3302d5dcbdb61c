#include "contract/dedup/levels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::contract {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(RunName, there_and_back) {
    EXPECT_EQ(run_name({0, 12}), "keys-000000000000-000000000012.run");
    EXPECT_EQ(parse_run_name("keys-000000000003-000000000012.run"), (RunRange{3, 12}));
    const RunRange far{1'000'000'000'000, 9'000'000'000'000'000'000};
    EXPECT_EQ(parse_run_name(run_name(far)), far);
}

TEST(RunName, anything_else_is_not_a_run) {
    for (const auto* name : {"", "keys-.run", "keys-1-2.run", "keys-000000000005-000000000004.run",
                             "keys--00000000001-000000000004.run", "keys-000000000001-000000000004.run.tmp",
                             "keys-00000000000a-000000000004.run", ".building-1-2", "keys-000000000001.run"}) {
        EXPECT_EQ(parse_run_name(name), std::nullopt) << name;
    }
}

struct ChainCase {
    std::vector<RunRange> found, live;
};

TEST(Chain, the_widest_runs_that_adjoin_count) {
    const ChainCase cases[] = {
        {{}, {}},
        {{{0, 0}}, {{0, 0}}},
        {{{4, 9}, {0, 3}}, {{0, 3}, {4, 9}}},
        // a crash left the inputs of a merge
        {{{0, 3}, {4, 9}, {0, 9}}, {{0, 9}}},
        {{{0, 3}, {4, 5}, {6, 6}, {4, 6}, {7, 7}}, {{0, 3}, {4, 6}, {7, 7}}},
        // the run behind a gap does not count, nor does anything without a beginning
        {{{0, 3}, {5, 9}}, {{0, 3}}},
        {{{1, 3}, {4, 9}}, {}},
        // overlaps that no merge leaves: the first chain from the left wins
        {{{0, 3}, {2, 6}, {4, 4}}, {{0, 3}, {4, 4}}},
    };
    for (const auto& c : cases) {
        const auto chain = select_chain(c.found);
        EXPECT_EQ(chain.live, c.live);
        EXPECT_EQ(chain.live.size() + chain.obsolete.size(), c.found.size());
    }
}

struct MergeCase {
    std::vector<std::uint64_t> counts;
    std::uint64_t added;
    std::size_t merged;
};

TEST(Merging, every_run_stays_larger_than_all_newer_ones) {
    const MergeCase cases[] = {
        {{}, 10, 0},
        {{1'000'000}, 1'000, 0},
        {{1'000'000}, 1'000'000, 1},
        {{1'000'000}, 999'999, 0},
        {{1'000'000, 5'000}, 5'000, 1},
        {{1'000'000, 20'000, 10'000}, 10'000, 2},
        {{1'000'000, 20'001, 10'000}, 10'000, 1},
        // small runs are never worth a file of their own
        {{4096}, 1, 1},
        {{4097}, 1, 0},
        {{0, 0}, 0, 2},
    };
    for (const auto& c : cases) EXPECT_EQ(runs_to_merge(c.counts, c.added), c.merged) << c.added;
}

TEST(Merging, the_number_of_runs_is_logarithmic) {
    std::vector<std::uint64_t> counts;
    std::uint64_t rewritten = 0;
    for (int commit = 0; commit < 10'000; ++commit) {
        const auto merged = runs_to_merge(counts, 10'000);
        std::uint64_t total = 10'000;
        for (std::size_t i = 0; i < merged; ++i) {
            total += counts.back();
            counts.pop_back();
        }
        counts.push_back(total);
        rewritten += total;
        ASSERT_LE(counts.size(), 14u);
    }
    // Each of the 10^8 keys was written about log2(10^4) / 2 + 1 times.
    EXPECT_LT(rewritten, 10'000ull * 10'000 * 9);
}

}  // namespace
}  // namespace weir::contract

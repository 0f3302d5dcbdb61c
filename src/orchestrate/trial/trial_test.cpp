// The pure parts of `weir test`: ways of cutting, records of a CSV text, and the first difference.
#include <gtest/gtest.h>

#include "orchestrate/trial/compare.h"
#include "orchestrate/trial/cuts.h"
#include "orchestrate/trial/input.h"

namespace weir::orchestrate::trial {
namespace {

using Runs = declare::TestCase::Runs;

TEST(Ways, few_records_are_cut_everywhere_and_come_one_by_one) {
    const auto all = ways({1, 3}, Runs::cut, 0);
    ASSERT_EQ(all.ways.size(), 4U);
    EXPECT_EQ(all.ways[0].ends, (std::vector<std::size_t>{3}));
    EXPECT_EQ(all.ways[1].ends, (std::vector<std::size_t>{1, 3}));
    EXPECT_EQ(all.ways[2].ends, (std::vector<std::size_t>{2, 3}));
    EXPECT_EQ(all.ways[3].ends, (std::vector<std::size_t>{1, 2, 3}));
    EXPECT_EQ(ways({1}, Runs::cut, 0).ways.size(), 1U);
    EXPECT_EQ(ways({1, 3}, Runs::each, 0).ways.front().ends, (std::vector<std::size_t>{1, 3}));
    EXPECT_EQ(ways({1, 3}, Runs::once, 0).ways.size(), 1U);
    EXPECT_TRUE(ways({}, Runs::cut, 0).ways.empty());
}

TEST(Ways, many_records_are_cut_by_the_seed) {
    const auto all = ways({500}, Runs::cut, 7);
    EXPECT_EQ(all.cuts, all_cuts_up_to - 1);
    EXPECT_EQ(all.possible_cuts, 499U);
    EXPECT_EQ(all.ways.size(), all_cuts_up_to);
    const auto again = ways({500}, Runs::cut, 7), other = ways({500}, Runs::cut, 8);
    EXPECT_EQ(all.ways[1].ends, again.ways[1].ends);
    EXPECT_FALSE(std::equal(all.ways.begin(), all.ways.end(), other.ways.begin(),
                            [](const Way& a, const Way& b) { return a.ends == b.ends; }));
}

TEST(SplitCsv, quotes_and_escapes_hold_records_together) {
    const auto split = split_csv("h\na,\"b\nc\"\n\"x\"\"\n\"\nlast", {});
    EXPECT_EQ(split.header, "h\n");
    EXPECT_EQ(split.records, (std::vector<std::string>{"a,\"b\nc\"\n", "\"x\"\"\n\"\n", "last"}));
    declare::CsvOptions escaped;
    escaped.escape = '\\';
    escaped.header = false;
    escaped.skip_lines = 1;
    const auto other = split_csv("# \"\n\"a\\\"\nb\"\nc\n", escaped);
    EXPECT_EQ(other.header, "# \"\n");
    EXPECT_EQ(other.records, (std::vector<std::string>{"\"a\\\"\nb\"\n", "c\n"}));
}

TEST(Compare, the_first_difference_is_found) {
    const Row a{"a", "1"}, b{"b", "2"}, b3{"b", "3"}, null{"b", std::nullopt};
    EXPECT_FALSE(compare({a, b}, {b, a}, false));
    EXPECT_FALSE(compare({}, {}, true));
    const auto order = compare({a, b}, {b, a}, true);
    ASSERT_TRUE(order);
    EXPECT_EQ(order->column, 0U);
    const auto value = compare({a, b}, {a, b3}, false);
    ASSERT_TRUE(value);
    EXPECT_EQ(value->expected, 1U);
    EXPECT_EQ(value->actual, 1U);
    EXPECT_EQ(value->column, 1U);
    EXPECT_TRUE(compare({b}, {null}, false));
    const auto twice = compare({a}, {a, a}, false);
    ASSERT_TRUE(twice);
    EXPECT_FALSE(twice->expected);
    EXPECT_EQ(twice->actual, 1U);
    const auto missing = compare({a, a}, {a}, false);
    ASSERT_TRUE(missing);
    EXPECT_FALSE(missing->actual);
}

}  // namespace
}  // namespace weir::orchestrate::trial

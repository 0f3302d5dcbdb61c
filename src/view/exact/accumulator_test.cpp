#include "view/exact/accumulator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace weir::view {
namespace {

double sum_of(const std::vector<double>& terms) {
    ExactSum sum;
    for (const auto term : terms) sum.add(term);
    return sum.value();
}

TEST(ExactSum, rounds_once) {
    constexpr double huge = std::numeric_limits<double>::max(), tiny = std::numeric_limits<double>::denorm_min();
    const struct {
        std::vector<double> terms;
        double sum;
    } cases[] = {{{}, 0},
                 {{0.1, 0.2}, 0.1 + 0.2},
                 {{1e100, 1, -1e100}, 1},
                 {{1e16, 1, -1e16, 1}, 2},
                 {{huge, huge, -huge}, huge},
                 {{huge, huge}, HUGE_VAL},
                 {{tiny, tiny, tiny}, 3 * tiny},
                 {{1, tiny, -1}, tiny},
                 {{-1, -tiny, 1}, -tiny},
                 {{9007199254740992.0, 1}, 9007199254740992.0},        // a tie goes to the even one
                 {{9007199254740992.0, 1, tiny}, 9007199254740994.0},  // just above it
                 {{9007199254740994.0, 1}, 9007199254740996.0},
                 {{-9007199254740992.0, -1, -tiny}, -9007199254740994.0},
                 {{HUGE_VAL, 1}, HUGE_VAL},
                 {{-HUGE_VAL, 1e300}, -HUGE_VAL}};
    for (const auto& each : cases) EXPECT_EQ(sum_of(each.terms), each.sum) << testing::PrintToString(each.terms);
    EXPECT_TRUE(std::isnan(sum_of({HUGE_VAL, -HUGE_VAL})));
    EXPECT_TRUE(std::isnan(sum_of({std::nan(""), 1})));
}

TEST(ExactSum, knows_no_order_and_no_cuts) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 300; ++round) {
        std::vector<double> terms(1 + random() % 200);
        for (auto& term : terms)
            term = std::ldexp(static_cast<double>(static_cast<std::int64_t>(random())),
                              static_cast<int>(random() % 400) - 200 - (round % 2 == 0 ? 0 : 850));
        ExactSum whole;
        for (const auto term : terms) whole.add(term);
        std::shuffle(terms.begin(), terms.end(), random);
        ExactSum merged;
        for (std::size_t begin = 0; begin < terms.size();) {
            const auto end = std::min(terms.size(), begin + 1 + random() % 20);
            ExactSum part;
            for (auto i = begin; i < end; ++i) part.add(terms[i]);
            ASSERT_TRUE(merged.add_bytes(part.bytes()));
            begin = end;
        }
        EXPECT_EQ(whole.bytes(), merged.bytes());
        EXPECT_EQ(whole.value(), merged.value());
        for (const auto term : terms) merged.add(-term);
        EXPECT_EQ(merged.value(), 0);
        EXPECT_EQ(merged.bytes(), ExactSum().bytes());
    }
}

TEST(ExactSum, agrees_with_integers_and_long_doubles) {
    std::mt19937_64 random(7);
    ExactSum sum;
    std::int64_t exact = 0;
    for (int i = 0; i < 100000; ++i) {
        const auto term = static_cast<std::int64_t>(random()) >> 24;
        sum.add(static_cast<double>(term));
        exact += term;
    }
    EXPECT_EQ(sum.value(), static_cast<double>(exact));
}

TEST(ExactSum, moments_do_not_cancel) {
    // A variance of 2/3 far from zero, where the textbook formula in doubles gives nonsense.
    ExactSum x, xx;
    for (const double value : {1e15, 1e15 + 1, 1e15 + 2}) {
        x.add(value);
        xx.add_product(value, value);
    }
    EXPECT_EQ(ExactSum::moment(3, x, x, xx), 6);
    ExactSum y, xy;
    for (const double value : {0.1, -0.1}) {
        y.add(value);
        xy.add_product(value, 3);
    }
    EXPECT_EQ(xy.value(), 0);
    EXPECT_EQ(y.value(), 0);
}

TEST(ExactSum, terms_can_be_taken_back) {
    ExactSum sum, back, only_back;
    for (const double term : {1e300, 0.1, HUGE_VAL, -HUGE_VAL, HUGE_VAL, std::nan("")}) sum.add(term);
    for (const double term : {1e300, -HUGE_VAL, std::nan("")}) back.add(term);
    sum.subtract(back);
    EXPECT_EQ(sum.value(), HUGE_VAL);
    only_back.add_product(-1e300, 0);
    only_back.subtract(sum);
    ExactSum read;
    ASSERT_TRUE(read.add_bytes(only_back.bytes()));
    EXPECT_EQ(read.bytes(), only_back.bytes());
    ASSERT_TRUE(read.add_bytes(sum.bytes()));
    EXPECT_EQ(read.value(), 0);
    EXPECT_EQ(read.bytes(), ExactSum().bytes());
}

TEST(ExactSum, damaged_bytes_are_refused) {
    ExactSum sum;
    EXPECT_FALSE(sum.add_bytes(""));
    EXPECT_FALSE(sum.add_bytes("abcde"));
    EXPECT_FALSE(sum.add_bytes(std::string("\0\0\xff\x7f\1\0\0\0", 8)));
    EXPECT_EQ(sum.value(), 0);
}

}  // namespace
}  // namespace weir::view

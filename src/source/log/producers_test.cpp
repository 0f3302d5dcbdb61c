// What of a producer's appends is new, known, forgotten or too early.
#include "source/log/producers.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace weir::source::log {
namespace {

using Kind = Producers::Verdict::Kind;

TEST(LogProducers, what_comes_is_judged_by_what_came) {
    Producers producers;
    EXPECT_EQ(producers.judge(1, 0, 5).kind, Kind::append);
    EXPECT_EQ(producers.judge(1, 3, 5).kind, Kind::gap);
    for (std::int64_t i = 0; i < 7; ++i) producers.record(1, {i * 10, 10, 100 + i * 10}, i);
    struct Case {
        std::int64_t sequence;
        std::uint32_t count;
        Kind kind;
        std::int64_t offset;
    };
    for (const auto& [sequence, count, kind, offset] :
         {Case{70, 3, Kind::append, -1}, Case{71, 1, Kind::gap, -1}, Case{60, 10, Kind::duplicate, 160},
          Case{20, 10, Kind::duplicate, 120},
          // The oldest two are forgotten, but for that they were there.
          Case{10, 10, Kind::forgotten, -1}, Case{0, 20, Kind::forgotten, -1},
          // Cut otherwise than before.
          Case{60, 9, Kind::gap, -1}, Case{65, 10, Kind::gap, -1}, Case{15, 10, Kind::gap, -1}}) {
        const auto verdict = producers.judge(1, sequence, count);
        EXPECT_EQ(verdict.kind, kind) << sequence << " " << count;
        EXPECT_EQ(verdict.base_offset, offset) << sequence << " " << count;
        EXPECT_EQ(verdict.expected, 70);
    }
    EXPECT_EQ(producers.judge(2, 0, 1).kind, Kind::append);
}

TEST(LogProducers, they_come_back_from_their_bytes_and_broken_bytes_do_not) {
    Producers producers;
    for (std::int64_t i = 0; i < 20; ++i) producers.record(i % 3, {i, 1, i}, i);
    const auto bytes = producers.encode();
    EXPECT_EQ(Producers::decode(bytes), producers);
    EXPECT_FALSE(Producers::decode(bytes.substr(0, bytes.size() - 1)));
    EXPECT_EQ(Producers::decode("")->size(), 0u);
}

TEST(LogProducers, the_longest_silent_ones_are_forgotten) {
    Producers producers;
    const auto most = static_cast<std::int64_t>(limits::log_producers_max);
    for (std::int64_t i = 0; i <= most; ++i) producers.record(i, {0, 1, i}, i);
    EXPECT_EQ(producers.size(), limits::log_producers_max);
    EXPECT_EQ(producers.judge(0, 1, 1).kind, Kind::gap);
    EXPECT_EQ(producers.judge(1, 1, 1).kind, Kind::append);
}

}  // namespace
}  // namespace weir::source::log

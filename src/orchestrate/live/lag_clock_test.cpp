#include "orchestrate/live/lag_clock.h"

#include <gtest/gtest.h>

namespace weir::orchestrate {
namespace {

using std::chrono::seconds;

Time at(int second) { return Time(seconds(second)); }

std::optional<double> waited(const LagClock& clock, int now) { return clock.partitions().at(0).seconds(at(now)); }

TEST(LagClock, what_waits_since_before_we_looked_is_not_known_until_some_of_it_landed) {
    LagClock clock;
    clock.look({{0, 100}}, at(1000));
    EXPECT_FALSE(waited(clock, 1000));
    clock.landed({{0, at(400)}});
    clock.look({{0, 50}}, at(1001));
    EXPECT_EQ(waited(clock, 1001), 601);
    // It goes on while nobody can look.
    EXPECT_EQ(waited(clock, 1100), 700);
}

TEST(LagClock, a_pause_of_the_topic_is_no_lag) {
    LagClock clock;
    clock.landed({{0, at(10)}});
    clock.look({{0, 0}}, at(1000));
    EXPECT_EQ(waited(clock, 1000), 0);
    clock.look({{0, 7}}, at(1001));
    EXPECT_EQ(waited(clock, 1001), 1);
    clock.look({{0, 9}}, at(1060));
    EXPECT_EQ(waited(clock, 1060), 60);
    clock.landed({{0, at(1050)}});
    clock.look({{0, 2}}, at(1061));
    EXPECT_EQ(waited(clock, 1061), 11);
    clock.look({{0, 0}}, at(1062));
    EXPECT_EQ(waited(clock, 2000), 0);
}

TEST(LagClock, partitions_that_are_not_read_here_are_not_told) {
    LagClock clock;
    clock.look({{0, 1}, {1, 0}}, at(1));
    EXPECT_EQ(clock.partitions().size(), 2u);
    clock.look({{1, 0}}, at(2));
    ASSERT_EQ(clock.partitions().size(), 1u);
    EXPECT_EQ(clock.partitions()[0].partition, 1);
    // A clock that is behind makes nothing negative.
    clock.look({{1, 3}}, at(1));
    EXPECT_EQ(waited(clock, 1), 0);
}

}  // namespace
}  // namespace weir::orchestrate

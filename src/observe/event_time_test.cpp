#include "observe/event_time.h"

#include <gtest/gtest.h>

#include <random>

namespace weir::observe {
namespace {

using namespace std::chrono_literals;

constexpr EventMoment second = 1'000'000;
const Time noon{std::chrono::hours(12)};
const declare::EventTime event_time{.delay = 60s, .idle = 30s};

PartitionProgress at(EventMoment seconds, std::chrono::seconds ago = 0s) { return {seconds * second, noon - ago}; }

TEST(EventTime, the_watermark_is_that_of_the_slowest_partition_that_is_not_idle) {
    struct Case {
        const char* what;
        EventProgress progress;
        std::optional<EventMoment> clock, want;  // seconds
    };
    const Case cases[] = {
        {"nothing came yet", {}, 500, std::nullopt},
        {"one partition", {{"0", at(1000)}}, std::nullopt, 940},
        {"the slower of two", {{"0", at(1000)}, {"1", at(800)}}, std::nullopt, 740},
        {"the slower is idle", {{"0", at(1000)}, {"1", at(800, 30s)}}, std::nullopt, 940},
        {"not idle yet", {{"0", at(1000)}, {"1", at(800, 29s)}}, std::nullopt, 740},
        {"all idle, no clock", {{"0", at(1000, 31s)}, {"1", at(800, 31s)}}, std::nullopt, 940},
        {"all idle: the clock", {{"0", at(1000, 31s)}, {"1", at(800, 31s)}}, 5000, 4940},
        {"all idle, events of the future", {{"0", at(9000, 31s)}}, 5000, 8940},
        {"the clock does not count while events come", {{"0", at(1000)}}, 5000, 940},
    };
    for (const auto& test : cases) {
        const auto clock = test.clock ? std::optional(*test.clock * second) : std::nullopt;
        const auto want = test.want ? std::optional(*test.want * second) : std::nullopt;
        EXPECT_EQ(watermark(test.progress, event_time, noon, clock), want) << test.what;
    }
    const declare::EventTime never_idle{.delay = 0s};
    EXPECT_EQ(watermark({{"0", at(1000, 86400s)}, {"1", at(2000)}}, never_idle, noon, 9000 * second), 1000 * second);
}

TEST(EventTime, what_waits_in_a_topic_is_neither_idle_nor_passed_over) {
    struct Case {
        const char* what;
        EventProgress progress;
        ReadPartitions read;
        std::optional<EventMoment> want;  // seconds
    };
    const auto ago = [](std::chrono::seconds time) { return noon - time; };
    const Case cases[] = {
        {"messages wait, though none landed for long", {{"0", at(1000, 31s)}}, {{"0"}, {}, {}}, 940},
        {"the slower one has messages", {{"0", at(1000)}, {"1", at(800, 31s)}}, {{"1"}, {}, {{"0", ago(1s)}}}, 740},
        {"quiet since a moment only, after a pause", {{"0", at(1000, 9000s)}}, {{}, {}, {{"0", ago(29s)}}}, 940},
        {"quiet for long", {{"0", at(1000, 9000s)}}, {{}, {}, {{"0", ago(30s)}}}, 4940},
        {"the first messages of another one", {{"0", at(1000)}}, {{"0", "1"}, {"1"}, {}}, std::nullopt},
        {"nothing of another one was accepted", {{"0", at(1000)}}, {{"0", "1"}, {}, {}}, 940},
        {"another one has nothing", {{"0", at(1000)}}, {{"0"}, {}, {{"1", ago(0s)}}}, 940},
    };
    for (const auto& test : cases) {
        const auto want = test.want ? std::optional(*test.want * second) : std::nullopt;
        EXPECT_EQ(watermark(test.progress, event_time, noon, 5000 * second, test.read), want) << test.what;
    }
}

TEST(EventTime, progress_does_not_pull_the_watermark_back) {
    EXPECT_EQ(advanced({}, "0", 5 * second, std::nullopt, event_time), 5 * second);
    EXPECT_EQ(advanced({{"0", at(9)}}, "0", 5 * second, std::nullopt, event_time), 9 * second);
    EXPECT_EQ(advanced({}, "new", 5 * second, 100 * second, event_time), 160 * second);
}

TEST(EventTime, the_watermark_never_goes_back) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    EventProgress progress;
    auto now = noon;
    std::optional<EventMoment> before;
    for (int step = 0; step < 5000; ++step) {
        now += std::chrono::seconds(random() % 40);
        const auto clock = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
        const auto mark = watermark(progress, event_time, now, clock);
        if (before) {
            ASSERT_TRUE(mark);
            ASSERT_GE(*mark, *before) << "step " << step;
        }
        before = mark;
        const auto partition = std::to_string(random() % 4);
        const auto newest = clock - static_cast<EventMoment>(random() % 600) * second;
        const auto moved = advanced(progress, partition, newest, mark, event_time);
        const auto known = progress.find(partition);
        if (known == progress.end() || moved > known->second.newest) progress[partition] = {moved, now};
    }
}

}  // namespace
}  // namespace weir::observe

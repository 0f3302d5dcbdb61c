#include "observe/alerts/alert_state.h"

#include <gtest/gtest.h>

namespace weir::observe {
namespace {

using std::chrono::seconds;

const Time day_begins{std::chrono::hours(12)};

// One look: when, whether the row is there and the alert silenced, and what comes of it.
struct Look {
    int at;  // seconds
    bool there;
    std::string expected;  // state, then + told, ++ told again
    bool silenced = false;
};
struct Case {
    std::string name;
    AlertTerms terms;
    std::vector<Look> looks;
};

std::string told(const AlertStep& made) {
    std::string text = made.instances.empty() ? "inactive" : std::string(to_string(made.instances.at(0).state));
    for (const auto& notice : made.notices) text += notice.again ? " ++" : " +";
    return text;
}

class AlertSteps : public testing::TestWithParam<Case> {};

TEST_P(AlertSteps, give_these_states) {
    const auto& [name, terms, looks] = GetParam();
    std::vector<AlertInstance> known;
    for (const auto& look : looks) {
        std::vector<AlertRow> rows;
        if (look.there) rows.push_back({.key = "{}", .values = "{}", .message = "at " + std::to_string(look.at)});
        const auto now = day_begins + seconds(look.at);
        const auto made = step(terms, known, rows, look.silenced, now);
        EXPECT_EQ(told(made), look.expected) << name << ", second " << look.at;
        for (const auto& instance : made.instances) {
            EXPECT_LE(instance.since, now) << name << ", second " << look.at;
            EXPECT_EQ(instance.fired_at.has_value(), instance.state != AlertState::pending) << name;
            EXPECT_EQ(instance.resolved_at.has_value(), instance.state == AlertState::resolved) << name;
            if (look.there) {
                EXPECT_EQ(instance.row.message, rows[0].message);
            }
        }
        const auto before = known.empty() ? AlertState::inactive : known[0].state;
        const auto after = made.instances.empty() ? AlertState::inactive : made.instances[0].state;
        if (before != after && before != AlertState::resolved) {
            ASSERT_EQ(made.changes.size(), 1u) << name << ", second " << look.at;
            EXPECT_EQ(made.changes[0].before, before);
            EXPECT_EQ(made.changes[0].instance.state, after);
        }
        if (before != after) {
            EXPECT_TRUE(made.moved) << name << ", second " << look.at;
        }
        known = made.instances;
    }
}

constexpr AlertTerms minute{.hold = seconds(60), .repeat = seconds(300)};

INSTANTIATE_TEST_SUITE_P(
    , AlertSteps,
    testing::Values(
        Case{"without_hold", {}, {{0, true, "firing +"}, {10, true, "firing"}, {20, false, "resolved +"}}},
        Case{"hold",
             minute,
             {{0, true, "pending"},
              {30, true, "pending"},
              {59, true, "pending"},
              {60, true, "firing +"},
              {70, false, "resolved +"}}},
        Case{"gone_before_its_time",
             minute,
             {{0, true, "pending"}, {50, false, "inactive"}, {60, true, "pending"}, {119, true, "pending"}}},
        Case{"flapping",
             {.hold = seconds(10), .resolve_after = seconds(60)},
             {{0, true, "pending"},
              {10, true, "firing +"},
              {20, false, "firing"},
              {30, true, "firing"},
              {40, false, "firing"},
              {99, false, "firing"},
              {100, false, "resolved +"}}},
        Case{"again_after_it_was_over",
             minute,
             {{0, true, "pending"},
              {60, true, "firing +"},
              {70, false, "resolved +"},
              {80, true, "pending"},
              {90, false, "inactive"},
              {100, true, "pending"},
              {160, true, "firing +"}}},
        Case{"repeat",
             minute,
             {{0, true, "pending"},
              {60, true, "firing +"},
              {359, true, "firing"},
              {360, true, "firing ++"},
              {600, true, "firing"},
              {660, true, "firing ++"},
              {670, false, "resolved +"}}},
        Case{"no_repeat", {.repeat = seconds(0)}, {{0, true, "firing +"}, {1'000'000, true, "firing"}}},
        Case{"not_told_again_while_it_is_going",
             {.resolve_after = seconds(100), .repeat = seconds(50)},
             {{0, true, "firing +"}, {10, false, "firing"}, {90, false, "firing"}, {110, false, "resolved +"}}},
        Case{"silenced_from_the_start",
             minute,
             {{0, true, "pending", true},
              {60, true, "firing", true},
              {70, true, "firing", true},
              {80, false, "resolved", true}}},
        Case{"silence_that_ends",
             minute,
             {{0, true, "pending", true}, {60, true, "firing", true}, {90, true, "firing +"}, {95, true, "firing"}}},
        Case{"silenced_after_it_was_told",
             minute,
             {{0, true, "pending"},
              {60, true, "firing +"},
              {360, true, "firing", true},
              {400, false, "resolved +", true}}},
        // Another process goes on from what was kept, much later.
        Case{"restart", minute, {{0, true, "pending"}, {86'400, true, "firing +"}, {172'800, true, "firing ++"}}},
        Case{"restart_after_it_was_over",
             minute,
             {{0, true, "pending"}, {60, true, "firing +"}, {90'000, false, "resolved +"}}},
        Case{"the_clock_goes_back_in_hold",
             minute,
             {{0, true, "pending"},
              {50, true, "pending"},
              {-3600, true, "pending"},
              {-3541, true, "pending"},
              {-3540, true, "firing +"}}},
        Case{"the_clock_goes_back_while_it_fires",
             minute,
             {{0, true, "pending"},
              {60, true, "firing +"},
              {-3600, true, "firing"},
              {-3301, true, "firing"},
              {-3300, true, "firing ++"},
              {-3290, false, "resolved +"}}},
        Case{"the_clock_goes_back_while_it_is_going",
             {.resolve_after = seconds(60)},
             {{0, true, "firing +"},
              {100, false, "firing"},
              {-100, false, "firing"},
              {-41, false, "firing"},
              {-40, false, "resolved +"}}},
        Case{"shown_for_a_day",
             {},
             {{0, true, "firing +"},
              {10, false, "resolved +"},
              {86'409, false, "resolved"},
              {86'410, false, "inactive"}}}),
    [](const auto& tested) { return tested.param.name; });

TEST(AlertStep, each_key_has_a_state_of_its_own) {
    const AlertTerms terms{.hold = seconds(10)};
    auto made = step(terms, {}, {{.key = "a"}, {.key = "b"}}, false, day_begins);
    made = step(terms, made.instances, {{.key = "b"}, {.key = "c"}}, false, day_begins + seconds(10));
    ASSERT_EQ(made.instances.size(), 2u);
    EXPECT_EQ(made.instances[0].row.key, "b");
    EXPECT_EQ(made.instances[0].state, AlertState::firing);
    EXPECT_EQ(made.instances[1].row.key, "c");
    EXPECT_EQ(made.instances[1].state, AlertState::pending);
    ASSERT_EQ(made.changes.size(), 3u);
    EXPECT_EQ(made.changes[0].instance.row.key, "a");
    EXPECT_EQ(made.changes[0].instance.state, AlertState::inactive);
    ASSERT_EQ(made.notices.size(), 1u);
    EXPECT_EQ(made.notices[0].instance.row.key, "b");
}

TEST(AlertStep, nothing_moves_where_nothing_is_new) {
    const std::vector<AlertRow> rows{{.key = "a", .values = "1"}};
    auto made = step({.hold = seconds(60)}, {}, rows, false, day_begins);
    EXPECT_TRUE(made.moved);
    made = step({.hold = seconds(60)}, made.instances, rows, false, day_begins + seconds(1));
    EXPECT_FALSE(made.moved);
    made = step({.hold = seconds(60)}, made.instances, {{.key = "a", .values = "2"}}, false, day_begins + seconds(2));
    EXPECT_TRUE(made.moved);
}

}  // namespace
}  // namespace weir::observe

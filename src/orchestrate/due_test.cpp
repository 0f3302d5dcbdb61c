#include "orchestrate/due.h"

#include <gtest/gtest.h>

namespace weir::orchestrate {
namespace {

using Keep = declare::View::Keep;

Day day(const char* text) { return *parse_day(text); }

std::string days_text(const std::vector<Day>& days) {
    std::string text;
    for (const auto d : days) text += (text.empty() ? "" : " ") + weir::to_string(d);
    return text;
}

TEST(Due, a_result_is_due_when_anything_it_depends_on_changed) {
    const Fingerprint now{"t1", "i1"};
    EXPECT_EQ(judge_result("", now), Due::never_computed);
    EXPECT_EQ(judge_result("t1:i1", now), Due::up_to_date);
    EXPECT_EQ(judge_result("t0:i1", now), Due::text_changed);
    EXPECT_EQ(judge_result("t0:i0", now), Due::text_changed);
    EXPECT_EQ(judge_result("t1:i0", now), Due::inputs_changed);
    EXPECT_EQ(judge_result("t1", now), Due::inputs_changed);
    const Fingerprint restored{"t1", "i1", 2};
    EXPECT_EQ(judge_result("t1:i1", restored), Due::restored);
    EXPECT_EQ(judge_result("t1:i1:1", restored), Due::restored);
    EXPECT_EQ(judge_result("t1:i0:2", restored), Due::inputs_changed);
    EXPECT_EQ(judge_result(to_string(restored), restored), Due::up_to_date);
}

TEST(Due, days_of_results) {
    struct Case {
        const char* what;
        Keep keep;
        std::optional<Interval> requested;
        std::set<Day> data, results;
        const char* expected;
    };
    const auto d1 = day("2023-12-31"), d2 = day("2024-01-01"), d5 = day("2024-01-04");
    const std::vector<Case> cases{
        {"nothing at all", Keep::every_interval, {}, {}, {}, "2020-01-01"},
        {"each day with data, over the turn of the year",
         Keep::every_interval,
         {},
         {d1, d2},
         {},
         "2023-12-31 2024-01-01"},
        {"late data makes later results candidates",
         Keep::every_interval,
         {},
         {d1},
         {d2, d5},
         "2023-12-31 2024-01-01 2024-01-04"},
        {"requested days only",
         Keep::every_interval,
         Interval{d1, d2 + std::chrono::days{1}},
         {d5},
         {},
         "2023-12-31 2024-01-01"},
        {"latest is one day", Keep::latest, {}, {d1, d2}, {}, "2024-01-01"},
        {"latest never goes back", Keep::latest, Interval{d1, d2}, {d1, d5}, {d2}, "2024-01-04"},
        {"latest on request", Keep::latest, Interval{d5, d5 + std::chrono::days{1}}, {d1}, {}, "2024-01-04"},
    };
    for (const auto& test : cases)
        EXPECT_EQ(days_text(result_days(test.keep, test.requested, test.data, test.results, day("2020-01-01"))),
                  test.expected)
            << test.what;
}

}  // namespace
}  // namespace weir::orchestrate

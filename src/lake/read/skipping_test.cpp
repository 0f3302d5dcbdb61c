#include "lake/read/skipping.h"

#include <gtest/gtest.h>

namespace weir::lake {
namespace {

using enum Comparison;

TableState state() {
    TableState state;
    using enum Type::Kind;
    state.schema.fields = {{.name = "i", .type = Type::of(int64)},      {.name = "s", .type = Type::of(string)},
                           {.name = "t", .type = Type::of(timestamp)},  {.name = "d", .type = Type::of(float64)},
                           {.name = "m", .type = Type::decimal(38, 2)}, {.name = "P", .type = Type::of(date)},
                           {.name = "none", .type = Type::of(int64)}};
    state.metadata.partition_columns = {"P"};
    return state;
}

bool kept(const std::string& stats, std::optional<std::string> partition, const Predicates& predicates) {
    AddFile add{.path = "x"};
    add.partition_values = {{"P", std::move(partition)}};
    if (!stats.empty()) add.stats = stats;
    const auto table = state();
    const auto checked = check_predicates(predicates, table.schema);
    EXPECT_TRUE(checked) << to_string(checked.error());
    return may_match(facts_of(add, table), predicates, table.schema);
}

constexpr const char* full = R"({"numRecords":10,
    "minValues":{"i":5,"s":"b","t":"2024-01-01T00:00:00.000Z","d":1.5,"m":-99999999999999999999999999.01},
    "maxValues":{"i":9,"s":"m","t":"2024-01-02T00:00:00.123Z","d":2.5,"m":99999999999999999999999999.01},
    "nullCount":{"i":0,"s":10,"t":3,"d":0,"m":0}})";

TEST(Skipping, follows_the_table) {
    struct Case {
        Predicate predicate;
        bool kept;
    };
    const Case cases[] = {
        {{"i", equal, "5"}, true},
        {{"i", equal, "9"}, true},
        {{"i", equal, "4"}, false},
        {{"i", equal, "10"}, false},
        {{"I", equal, "10"}, false},  // names ignore case
        {{"i", not_equal, "7"}, true},
        {{"i", less, "5"}, false},
        {{"i", less, "6"}, true},
        {{"i", less_equal, "4"}, false},
        {{"i", less_equal, "5"}, true},
        {{"i", greater, "9"}, false},
        {{"i", greater, "8"}, true},
        {{"i", greater_equal, "10"}, false},
        {{"i", greater_equal, "9"}, true},
        {{"i", is_null}, false},
        {{"i", is_not_null}, true},
        {{"s", is_null}, true},
        {{"s", is_not_null}, false},  // every row is NULL
        {{"s", equal, "c"}, false},   // and NULL equals nothing
        {{"t", is_null}, true},
        {{"t", equal, "2024-01-02T00:00:00.123999Z"}, true},  // the maximum was cut to a millisecond
        {{"t", greater, "2024-01-02T00:00:00.123500Z"}, true},
        {{"t", greater, "2024-01-02T00:00:00.124Z"}, false},
        {{"t", less, "2023-12-31T23:59:59Z"}, false},
        {{"d", equal, "3.5"}, false},
        {{"d", greater, "100"}, true},  // NaN would be greater
        {{"d", equal, "NaN"}, true},
        {{"d", less, "1"}, false},
        {{"m", greater, "99999999999999999999999999.01"}, false},
        {{"m", greater, "99999999999999999999999999.00"}, true},
        {{"P", equal, "2024-02-29"}, true},
        {{"P", equal, "2024-02-28"}, false},
        {{"p", not_equal, "2024-02-29"}, false},
        {{"P", is_null}, false},
        {{"none", equal, "1"}, true},  // no statistics, no skipping
        {{"none", is_null}, true},
        {{"none", is_not_null}, true},
    };
    for (const auto& c : cases) {
        EXPECT_EQ(kept(full, "2024-02-29", {c.predicate}), c.kept)
            << c.predicate.column << " " << static_cast<int>(c.predicate.comparison) << " " << c.predicate.literal;
    }
    EXPECT_FALSE(kept(full, "2024-02-29", {{"i", equal, "5"}, {"P", equal, "2024-02-28"}}));
}

TEST(Skipping, what_is_not_known_or_broken_keeps_the_file) {
    EXPECT_TRUE(kept("", "2024-02-29", {{"i", equal, "1"}}));
    EXPECT_TRUE(kept("{\"numRecords\":1,", "2024-02-29", {{"i", equal, "1"}}));
    EXPECT_TRUE(kept(R"({"numRecords":1,"minValues":{"i":"x"},"maxValues":{"i":[3]}})", {}, {{"i", equal, "1"}}));
    EXPECT_TRUE(kept(R"({"minValues":{"i":{"deep":3}}})", {}, {{"i", equal, "1"}}));
    EXPECT_TRUE(kept(R"({"numRecords":2,"minValues":{"d":"NaN"},"maxValues":{"d":"NaN"}})", {}, {{"d", less, "1"}}));
    EXPECT_TRUE(kept(R"({"nullCount":{"i":5}})", {}, {{"i", is_not_null}}));  // of how many?
    EXPECT_FALSE(kept("", std::nullopt, {{"P", equal, "2024-02-29"}}));
    EXPECT_TRUE(kept("", std::nullopt, {{"P", is_null}}));
    EXPECT_TRUE(kept("", "", {{"P", is_null}}));
}

TEST(Skipping, wrong_predicates_are_errors) {
    const auto schema = state().schema;
    EXPECT_NE(check_predicates({{"nome", equal, "1"}}, schema).error().hint.find("none"), std::string::npos);
    EXPECT_FALSE(check_predicates({{"i", equal, "x"}}, schema));
    EXPECT_FALSE(check_predicates({{"P", equal, "2023-02-30"}}, schema));
}

}  // namespace
}  // namespace weir::lake

#include "lake/write/file_stats.h"

#include <gtest/gtest.h>

namespace weir::lake {
namespace {

std::string repeat(std::string_view text, int times) {
    std::string result;
    for (int i = 0; i < times; ++i) result += text;
    return result;
}

TEST(StringBounds, are_cut_so_that_they_still_bound) {
    const auto a32 = repeat("a", 32);
    EXPECT_EQ(shorten_min("short"), "short");
    EXPECT_EQ(shorten_min(a32 + "b"), a32);
    EXPECT_EQ(shorten_min(repeat("\xC3\xA9", 40)), repeat("\xC3\xA9", 32));
    EXPECT_EQ(shorten_max("short"), "short");
    EXPECT_EQ(shorten_max(a32), a32);
    EXPECT_EQ(shorten_max(a32 + "b"), a32 + "\x7F");
    EXPECT_EQ(shorten_max(a32 + "\xC3\xA9"), a32 + "\xF4\x8F\xBF\xBF");
    EXPECT_EQ(shorten_max(a32 + "\x7F" + "b"), a32 + "\xF4\x8F\xBF\xBF");
    // Nothing is greater than the last character of Unicode: the prefix grows until another one comes.
    const std::string last = "\xF4\x8F\xBF\xBF";
    EXPECT_EQ(shorten_max(a32 + last + "b"), a32 + last + "\x7F");
    EXPECT_EQ(shorten_max(repeat(last, 100)), std::nullopt);
    EXPECT_EQ(shorten_max(repeat(last, 40)), repeat(last, 40));
    for (const auto& text : {a32 + "zzz", a32 + "\x7F\x7F", a32 + "\xE4\xBD\xA0\xE5\xA5\xBD", repeat("\xC3\xBF", 50)}) {
        EXPECT_GE(*shorten_max(text), text);
        EXPECT_LE(shorten_min(text), text);
    }
}

std::string stats_of(const Type& type, std::string min, std::string max, bool has_nan = false) {
    const Schema schema{{{.name = "c", .type = type}}};
    return print_stats(
        schema, {}, 3,
        {{"\"c\"", {.min = std::move(min), .max = std::move(max), .null_count = 1, .has_nan = has_nan}}});
}

TEST(Stats, every_type_as_delta_spells_it) {
    using enum Type::Kind;
    struct Case {
        Type type;
        const char* min;
        const char* max;
        const char* printed_min;
        const char* printed_max;
    };
    const Case cases[] = {
        {Type::of(int64), "-5", "7", "-5", "7"},
        {Type::decimal(38, 2), "-12345678901234567890.25", "1.50", "-12345678901234567890.25", "1.50"},
        {Type::of(float64), "-0.0", "-0.0", "-0.0", "0.0"},
        {Type::of(float64), "0.1", "inf", "0.1", nullptr},
        {Type::of(date), "2024-01-01", "2024-12-31", "\"2024-01-01\"", "\"2024-12-31\""},
        {Type::of(date), "0044-03-15 (BC)", "10000-01-01", nullptr, nullptr},
        {Type::of(timestamp), "2024-01-01 00:00:00.123456+00", "2024-01-01 00:00:01+00", "\"2024-01-01T00:00:00.123Z\"",
         "\"2024-01-01T00:00:01.000Z\""},
        {Type::of(timestamp), "1969-12-31 23:59:59.9999+00", "infinity", "\"1969-12-31T23:59:59.999Z\"", nullptr},
        {Type::of(timestamp_ntz), "2024-01-01 00:00:00.5", "2024-01-01 00:00:01", "\"2024-01-01T00:00:00.500\"",
         "\"2024-01-01T00:00:01.000\""},
        {Type::of(string), "a\"b", "z\n", "\"a\\\"b\"", "\"z\\n\""},
        {Type::of(boolean), "0", "1", nullptr, nullptr},
        {Type::of(binary), "6162", "6162", nullptr, nullptr},
    };
    for (const auto& c : cases) {
        const auto object = [](const char* value) {
            return value == nullptr ? "{}" : "{\"c\":" + std::string(value) + "}";
        };
        EXPECT_EQ(stats_of(c.type, c.min, c.max), "{\"numRecords\":3,\"minValues\":" + object(c.printed_min) +
                                                      ",\"maxValues\":" + object(c.printed_max) +
                                                      ",\"nullCount\":{\"c\":1}}");
    }
    EXPECT_EQ(stats_of(Type::of(float64), "1.5", "1.5", true),
              R"({"numRecords":3,"minValues":{},"maxValues":{},"nullCount":{"c":1}})");
}

TEST(Stats, only_the_first_32_leaves_or_what_the_table_says) {
    Schema schema;
    WrittenStats written;
    Type inner = Type::of(Type::Kind::structure);
    inner.fields = {{.name = "x", .type = Type::of(Type::Kind::int64)},
                    {.name = "y.z", .type = Type::of(Type::Kind::int64)}};
    schema.fields.push_back({.name = "s", .type = inner});
    written["\"s\".\"x\""] = {.min = "1", .max = "2", .null_count = 0};
    written["\"s\".\"y.z\""] = {.min = "3", .max = "4", .null_count = 0};
    for (int i = 0; i < 40; ++i) {
        const auto name = "c" + std::to_string(i);
        schema.fields.push_back({.name = name, .type = Type::of(Type::Kind::int64)});
        written["\"" + name + "\""] = {.min = "1", .max = "2", .null_count = 0};
    }
    Metadata metadata;
    const auto has = [&](const char* text) {
        return print_stats(schema, metadata, 1, written).find(text) != std::string::npos;
    };
    EXPECT_TRUE(has(R"("minValues":{"s":{"x":1,"y.z":3},"c0":1)"));
    EXPECT_TRUE(has("\"c29\""));
    EXPECT_FALSE(has("\"c30\""));
    metadata.configuration = {{"delta.dataSkippingNumIndexedCols", "-1"}};
    EXPECT_TRUE(has("\"c39\""));
    metadata.configuration = {{"delta.dataSkippingStatsColumns", "s.x, `c35`"}};
    EXPECT_EQ(
        print_stats(schema, metadata, 1, written),
        R"({"numRecords":1,"minValues":{"s":{"x":1},"c35":1},"maxValues":{"s":{"x":2},"c35":2},"nullCount":{"s":{"x":0},"c35":0}})");
}

}  // namespace
}  // namespace weir::lake

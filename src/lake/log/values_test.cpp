#include "lake/log/values.h"

#include <gtest/gtest.h>

namespace weir::lake {
namespace {

TEST(Values, timestamps_in_every_spelling) {
    EXPECT_EQ(parse_timestamp("1970-01-01 00:00:00"), 0);
    EXPECT_EQ(parse_timestamp("1970-01-01T00:00:00.000001Z"), 1);
    EXPECT_EQ(parse_timestamp("1970-01-01 00:00:00.5"), 500'000);
    EXPECT_EQ(parse_timestamp("1970-01-01T01:00:00+01:00"), 0);
    EXPECT_EQ(parse_timestamp("2000-01-01T00:00:00.000-08:00"), 946'713'600'000'000);
    EXPECT_EQ(parse_timestamp("2020-01-01 08:09:10.001"), 1'577'866'150'001'000);
    EXPECT_EQ(parse_timestamp("1969-12-31 23:59:59.999999"), -1);
    EXPECT_EQ(parse_timestamp("2024-01-01"), 1'704'067'200'000'000);
    for (const auto* bad : {"", "2024", "2023-02-30 00:00:00", "2024-01-01 24:00:00", "2024-01-01 00:00", "x",
                            "2024-01-01 00:00:00.", "2024-01-01 00:00:00 UTC", "99999999-01-01 00:00:00"})
        EXPECT_EQ(parse_timestamp(bad), std::nullopt) << bad;
}

TEST(Values, decimals_keep_every_digit) {
    const auto type = Type::decimal(38, 10);
    const auto at = [&](const char* text) { return parse_value(type, text); };
    EXPECT_EQ(at("1.5"), at("1.50000"));
    EXPECT_EQ(at("0E-10"), at("0"));
    EXPECT_EQ(at("15e-1"), at("1.5"));
    EXPECT_LT(*at("-2342342.23423"), *at("0.00004"));
    EXPECT_LT(*at("9999999999999999999999999999.0000000001"), *at("9999999999999999999999999999.0000000002"));
    for (const auto* bad :
         {"", ".", "1.2.3", "abc", "1.00000000001", "1e999", "123456789012345678901234567890123456789"})
        EXPECT_EQ(at(bad), std::nullopt) << bad;
}

TEST(Values, integers_must_be_whole_and_fit) {
    EXPECT_TRUE(parse_value(Type::of(Type::Kind::int8), "-128"));
    EXPECT_FALSE(parse_value(Type::of(Type::Kind::int8), "128"));
    EXPECT_FALSE(parse_value(Type::of(Type::Kind::int64), "1.5"));
    EXPECT_FALSE(parse_value(Type::of(Type::Kind::int64), "9223372036854775808"));
    EXPECT_FALSE(sql_literal(Type::of(Type::Kind::int32), "1.5"));
    EXPECT_EQ(sql_literal(Type::of(Type::Kind::string), "it's"), "'it''s'");
    EXPECT_EQ(sql_literal(Type::of(Type::Kind::string), ""), "CAST(NULL AS VARCHAR)");
}

}  // namespace
}  // namespace weir::lake

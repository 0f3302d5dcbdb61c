#include "source/columns/cast.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <optional>
#include <random>
#include <string>

#include "source/columns/date_pattern.h"

namespace weir::source {
namespace {

template <class T>
std::optional<T> integer(std::string_view text) {
    T value{};
    return cast_integer(text, value) ? std::optional<T>(value) : std::nullopt;
}

TEST(Cast, integers) {
    EXPECT_EQ(integer<std::int64_t>("0"), 0);
    EXPECT_EQ(integer<std::int64_t>("-0"), 0);
    EXPECT_EQ(integer<std::int64_t>("+5"), 5);
    EXPECT_EQ(integer<std::int64_t>(" 42\t"), 42);
    EXPECT_EQ(integer<std::int64_t>("007"), 7);
    EXPECT_EQ(integer<std::int64_t>("9223372036854775807"), INT64_MAX);
    EXPECT_EQ(integer<std::int64_t>("-9223372036854775808"), INT64_MIN);
    EXPECT_EQ(integer<std::int64_t>("0000000000000000000000000000012"), 12);
    EXPECT_EQ(integer<std::int8_t>("127"), 127);
    EXPECT_EQ(integer<std::int8_t>("-128"), -128);
    EXPECT_EQ(integer<std::int16_t>("-32768"), -32768);
    EXPECT_EQ(integer<std::int32_t>("2147483647"), 2147483647);
    for (const auto* bad :
         {"", " ", "-", "+", "--1", "+-1", "1.0", "1.5", "1e3", "0x10", "1 2", "1,000", "9223372036854775808",
          "-9223372036854775809", "18446744073709551616", "99999999999999999999999", "17850.0", "\n1"})
        EXPECT_EQ(integer<std::int64_t>(bad), std::nullopt) << bad;
    EXPECT_EQ(integer<std::int8_t>("128"), std::nullopt);
    EXPECT_EQ(integer<std::int8_t>("-129"), std::nullopt);
    EXPECT_EQ(integer<std::int32_t>("2147483648"), std::nullopt);
}

TEST(Cast, integers_agree_with_the_standard_library) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    for (int i = 0; i < 100'000; ++i) {
        const auto value = static_cast<std::int64_t>(random()) >> (random() % 64);
        EXPECT_EQ(integer<std::int64_t>(std::to_string(value)), value);
        EXPECT_EQ(integer<std::int16_t>(std::to_string(value)).has_value(), value >= INT16_MIN && value <= INT16_MAX);
    }
}

template <class T>
std::optional<T> decimal(std::string_view text, int precision, int scale) {
    T value{};
    return cast_decimal(text, precision, scale, value) ? std::optional<T>(value) : std::nullopt;
}

TEST(Cast, decimals) {
    EXPECT_EQ(decimal<std::int16_t>("12.34", 4, 2), 1234);
    EXPECT_EQ(decimal<std::int16_t>("-12.3", 4, 2), -1230);
    EXPECT_EQ(decimal<std::int16_t>("12", 4, 2), 1200);
    EXPECT_EQ(decimal<std::int16_t>("12.", 4, 2), 1200);
    EXPECT_EQ(decimal<std::int16_t>(".5", 4, 2), 50);
    EXPECT_EQ(decimal<std::int16_t>("0012.3400", 4, 2), 1234);
    EXPECT_EQ(decimal<std::int16_t>("12.345", 4, 2), std::nullopt);
    EXPECT_EQ(decimal<std::int16_t>("123", 4, 2), std::nullopt);
    EXPECT_EQ(decimal<std::int16_t>("99.99", 4, 2), 9999);
    EXPECT_EQ(decimal<std::int32_t>("0", 9, 9), 0);
    EXPECT_EQ(decimal<std::int32_t>("1", 9, 9), std::nullopt);
    EXPECT_EQ(decimal<std::int32_t>("0.000000001", 9, 9), 1);
    EXPECT_EQ(decimal<std::int64_t>("134.09 ", 18, 2), 13409);
    const std::string nines(38, '9');
    int128 most = 0;
    for (int i = 0; i < 38; ++i) most = most * 10 + 9;
    EXPECT_TRUE(decimal<int128>(nines, 38, 0) == most);
    EXPECT_TRUE(decimal<int128>("-" + nines, 38, 0) == -most);
    EXPECT_FALSE(decimal<int128>("1" + nines, 38, 0));
    EXPECT_TRUE(decimal<int128>(std::string(100, '0') + "1." + std::string(100, '0'), 38, 10) ==
                int128{10'000'000'000});
    for (const auto* bad : {"", ".", "-", "-.", "1e2", "$134.09", "1,5", "1.2.3", "NaN", "1 .5"})
        EXPECT_EQ(decimal<std::int64_t>(bad, 18, 2), std::nullopt) << bad;
}

TEST(Cast, floats) {
    double value = 0;
    EXPECT_TRUE(cast_float("1.5", value) && value == 1.5);
    EXPECT_TRUE(cast_float(" -1e-3 ", value) && value == -1e-3);
    EXPECT_TRUE(cast_float("+2", value) && value == 2);
    EXPECT_TRUE(cast_float("NaN", value) && std::isnan(value));
    EXPECT_TRUE(cast_float("Infinity", value) && std::isinf(value) && value > 0);
    EXPECT_TRUE(cast_float("-Infinity", value) && std::isinf(value) && value < 0);
    EXPECT_TRUE(cast_float("17.850000000000001", value) && value == 17.850000000000001);
    for (const auto* bad :
         {"", "-", "+", "+-1", "nan", "inf", "-inf", "infinity", "-NaN", "1.5x", "1,5", "1e", "1e400", "0x1p3", "."})
        EXPECT_FALSE(cast_float(bad, value)) << bad;
    float small = 0;
    EXPECT_TRUE(cast_float("0.1", small) && small == 0.1f);
    EXPECT_FALSE(cast_float("1e39", small));
}

TEST(Cast, booleans) {
    bool value = false;
    for (const auto* yes : {"true", "TRUE", "True", "1", " true "}) {
        value = false;
        EXPECT_TRUE(cast_boolean(yes, value) && value) << yes;
    }
    for (const auto* no : {"false", "FALSE", "0"}) {
        value = true;
        EXPECT_TRUE(cast_boolean(no, value) && !value) << no;
    }
    for (const auto* bad : {"", "yes", "no", "t", "f", "2", "01", "truee", "\x14rue"})
        EXPECT_FALSE(cast_boolean(bad, value)) << bad;
}

std::optional<std::int32_t> date(std::string_view text) {
    std::int32_t days = 0;
    return cast_date(text, days) ? std::optional(days) : std::nullopt;
}

TEST(Cast, dates) {
    EXPECT_EQ(date("1970-01-01"), 0);
    EXPECT_EQ(date("1969-12-31"), -1);
    EXPECT_EQ(date("2024-02-29"), 19782);
    EXPECT_EQ(date("2000-02-29"), 11016);
    EXPECT_EQ(date("9999-12-31"), 2932896);
    EXPECT_EQ(date("0001-01-01"), -719162);
    for (const auto* bad :
         {"", "2023-02-29", "2023-02-30", "1900-02-29", "2023-13-01", "2023-00-01", "2023-01-00", "2023-04-31",
          "2023-1-1", "2024-01-01 x", "2024-01-01T00:00:00", "20240101", "24/12/2010", "2024-01-0a", "-024-01-01"})
        EXPECT_EQ(date(bad), std::nullopt) << bad;
    // Every day of four centuries, counted.
    std::int32_t expected = *date("1800-01-01");
    for (int year = 1800; year < 2200; ++year)
        for (int month = 1; month <= 12; ++month)
            for (int day = 1; day <= 31; ++day) {
                std::int32_t days = 0;
                const bool there = std::chrono::year_month_day{std::chrono::year{year},
                                                               std::chrono::month(static_cast<unsigned>(month)),
                                                               std::chrono::day(static_cast<unsigned>(day))}
                                       .ok();
                ASSERT_EQ(days_of(year, month, day, days), there) << year << '-' << month << '-' << day;
                if (there) {
                    ASSERT_EQ(days, expected++);
                }
            }
}

std::optional<std::int64_t> moment(std::string_view text, Zone zone = Zone::allowed) {
    std::int64_t micros = 0;
    return cast_timestamp(text, zone, micros) ? std::optional(micros) : std::nullopt;
}

TEST(Cast, timestamps) {
    const auto base = *moment("2024-03-01T10:00:00Z");
    EXPECT_EQ(base, 1'709'287'200'000'000);
    for (const auto* same :
         {"2024-03-01T10:00:00", "2024-03-01 10:00:00", "2024-03-01 10:00", "2024-03-01 10:00:00 UTC",
          "2024-03-01T12:00:00+02:00", "2024-03-01T12:00+02", "2024-03-01T05:30:00-0430", "2024-03-02 00:00:00+14:00",
          "2024-03-01T10:00:00.000000000Z", "2024-03-01t10:00:00z", "2024-03-01 12:00:00 +02:00"})
        EXPECT_EQ(moment(same), base) << same;
    EXPECT_EQ(moment("2024-03-01T10:00:00.1"), base + 100'000);
    EXPECT_EQ(moment("2024-03-01T10:00:00.123456Z"), base + 123'456);
    EXPECT_EQ(moment("2024-03-01T10:00:00.123456000+00:00"), base + 123'456);
    EXPECT_EQ(moment("1969-12-31T23:59:59.999999Z"), -1);
    for (const auto* bad : {"",
                            "2024-03-01",
                            "2024-03-01T",
                            "2024-03-01T10",
                            "2024-03-01T24:00:00",
                            "2024-03-01T10:60:00",
                            "2024-03-01T10:00:60",
                            "2024-03-01T10:00:00.",
                            "2024-03-01T10:00:00.1234567",
                            "2024-03-01T10:00:00.0000000000",
                            "2024-02-30T10:00:00",
                            "2024-03-01T10:00:00 ZZ",
                            "2024-03-01T10:00:00+2",
                            "2024-03-01T10:00:00+16:00",
                            "2024-03-01T10:00:00+02:60",
                            "2024-03-01T10:00:00 CET",
                            "2024-03-01x10:00:00",
                            "2024-03-01T10:00:0",
                            "2024-03-01T10:00:00Zx",
                            "2024-03-01T10:00:00  UTC"})
        EXPECT_EQ(moment(bad), std::nullopt) << bad;
    EXPECT_EQ(moment("2024-03-01T10:00:00", Zone::refused), base);
    EXPECT_EQ(moment("2024-03-01T10:00:00Z", Zone::refused), std::nullopt);
}

TEST(DatePattern, reads_what_it_says) {
    const struct {
        const char *pattern, *text, *same;  // nullptr: refused
    } cases[] = {
        {"dd/MM/yyyy", "24/12/2010", "2010-12-24"},
        {"dd/MM/yyyy", "24/13/2010", nullptr},
        {"dd/MM/yyyy", "4/12/2010", nullptr},
        {"d/M/yyyy", "4/12/2010", "2010-12-04"},
        {"d/M/yyyy", "24/1/2010", "2010-01-24"},
        {"dd-MMM-yyyy", "18-Jan-2012", "2012-01-18"},
        {"dd-MMM-yyyy", "18-JAN-2012", "2012-01-18"},
        {"dd-MMM-yy", "20-Dec-13", "2013-12-20"},
        {"dd-MMM-yy", "20-Dez-13", nullptr},
        {"yyyyMMdd", "20240229", "2024-02-29"},
        {"yyyyMMdd", "20230229", nullptr},
        {"yyyyMMdd", "202302281", nullptr},
        {"'day' dd.MM.yyyy", "day 01.02.2003", "2003-02-01"},
        {"yyyy''MM''dd", "2003'02'01", "2003-02-01"},
        {"dd/MM/yyyy", "", nullptr},
    };
    for (const auto& c : cases) {
        auto pattern = DatePattern::compile(c.pattern);
        ASSERT_TRUE(pattern) << c.pattern;
        std::int32_t days = 0;
        ASSERT_EQ(pattern->date(c.text, days), c.same != nullptr) << c.pattern << ' ' << c.text;
        if (c.same != nullptr) {
            EXPECT_EQ(days, date(c.same)) << c.text;
        }
    }
    const struct {
        const char *pattern, *text, *same;
    } times[] = {
        {"MM/dd/yyyy HH:mm:ss", "12/24/2010 08:26:00", "2010-12-24T08:26:00"},
        {"M/d/yy h:mm a", "3/1/24 12:05 AM", "2024-03-01T00:05:00"},
        {"M/d/yy h:mm a", "3/1/24 1:05 pm", "2024-03-01T13:05:00"},
        {"M/d/yy h:mm a", "3/1/24 13:05 pm", nullptr},
        {"yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2024-03-01T10:00:00.250+02:00", "2024-03-01T08:00:00.25"},
        {"yyyy-MM-dd'T'HH:mm:ssX", "2024-03-01T10:00:00Z", "2024-03-01T10:00:00"},
        {"yyyy-MM-dd'T'HH:mm:ssXX", "2024-03-01T10:00:00+0100", "2024-03-01T09:00:00"},
        {"yyyy-MM-dd HH", "2024-03-01 24", nullptr},
    };
    for (const auto& c : times) {
        auto pattern = DatePattern::compile(c.pattern);
        ASSERT_TRUE(pattern) << c.pattern;
        std::int64_t micros = 0;
        ASSERT_EQ(pattern->timestamp(c.text, micros), c.same != nullptr) << c.pattern << ' ' << c.text;
        if (c.same != nullptr) {
            EXPECT_EQ(micros, moment(c.same)) << c.text;
        }
    }
    for (const auto* bad :
         {"", "yyyy", "dd/MM", "yyyy-MM-dd'T", "yyyy-MM-dd hh:mm", "QQQ yyyy-MM-dd", "yyyyy-MM-dd", "EEE, d MMM yyyy"})
        EXPECT_FALSE(DatePattern::compile(bad)) << bad;
}

}  // namespace
}  // namespace weir::source

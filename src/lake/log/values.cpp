#include "lake/log/values.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>

#include "sql/database.h"

namespace weir::lake {
namespace {

std::optional<std::int64_t> whole_number(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    std::int64_t value = 0;
    const auto* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || at != end) return std::nullopt;
    return value;
}

// Exactly `count` digits from the front.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
    if (text.size() < count) return std::nullopt;
    int value = 0;
    for (const char c : text.substr(0, count)) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + (c - '0');
    }
    text.remove_prefix(count);
    return value;
}

bool take(std::string_view& text, char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
}

// "YYYY-MM-DD" from the front; the year may have a sign and more than four digits.
std::optional<std::int64_t> take_date(std::string_view& text) {
    const bool negative = take(text, '-');
    if (!negative) take(text, '+');
    const auto dash = text.find('-');
    if (dash == std::string_view::npos || dash < 4 || dash > 6) return std::nullopt;
    const auto year = take_digits(text, dash);
    if (!year || !take(text, '-')) return std::nullopt;
    const auto month = take_digits(text, 2);
    if (!month || !take(text, '-')) return std::nullopt;
    const auto day = take_digits(text, 2);
    if (!day || *year > 32767) return std::nullopt;
    const std::chrono::year_month_day date(std::chrono::year(negative ? -*year : *year),
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day)));
    if (!date.ok()) return std::nullopt;
    return std::chrono::sys_days(date).time_since_epoch().count();
}

// ".123456789" → microseconds, digits beyond the sixth cut off.
std::optional<std::int64_t> take_fraction(std::string_view& text) {
    if (!take(text, '.')) return 0;
    std::int64_t micros = 0;
    std::int64_t unit = 100'000;
    std::size_t digits = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits, unit /= 10)
        micros += (text[digits] - '0') * unit;
    if (digits == 0) return std::nullopt;
    text.remove_prefix(digits);
    return micros;
}

// "Z", "+02", "+02:00", "+0200" or nothing → seconds east of UTC.
std::optional<std::int64_t> take_offset(std::string_view& text) {
    if (text.empty() || take(text, 'Z')) return 0;
    const bool west = text.front() == '-';
    if (!west && text.front() != '+') return std::nullopt;
    text.remove_prefix(1);
    const auto hours = take_digits(text, 2);
    if (!hours) return std::nullopt;
    std::int64_t seconds = *hours * 3600;
    if (!text.empty()) {
        take(text, ':');
        const auto minutes = take_digits(text, 2);
        if (!minutes) return std::nullopt;
        seconds += *minutes * 60;
    }
    return west ? -seconds : seconds;
}

std::optional<DecimalValue> parse_decimal(std::string_view text, int scale) {
    const bool negative = take(text, '-');
    if (!negative) take(text, '+');
    // "0E-10" and "1.5E3": the way Java and JSON writers print.
    std::int64_t exponent = 0;
    if (const auto e = text.find_first_of("eE"); e != std::string_view::npos) {
        const auto number = whole_number(text.substr(e + 1));
        if (!number || *number > 100 || *number < -100) return std::nullopt;
        exponent = *number;
        text = text.substr(0, e);
    }
    Wide unscaled = 0;
    int digits = 0;
    bool point = false;
    std::int64_t fraction_digits = 0;
    for (const char c : text) {
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9' || (unscaled != 0 && ++digits > 37)) return std::nullopt;
        unscaled = unscaled * 10 + (c - '0');
        if (point) ++fraction_digits;
    }
    if (text.empty() || text == ".") return std::nullopt;
    auto shift = scale + exponent - fraction_digits;
    for (; shift > 0 && unscaled != 0; --shift) {
        if (unscaled > std::numeric_limits<std::int64_t>::max() && ++digits > 37) return std::nullopt;
        unscaled *= 10;
    }
    for (; shift < 0 && unscaled != 0; ++shift) {
        if (unscaled % 10 != 0) return std::nullopt;
        unscaled /= 10;
    }
    return DecimalValue{negative ? -unscaled : unscaled};
}

std::optional<double> parse_double(std::string_view text) {
    if (equal_ignoring_case(text, "nan")) return std::numeric_limits<double>::quiet_NaN();
    if (equal_ignoring_case(text, "infinity") || equal_ignoring_case(text, "inf") ||
        equal_ignoring_case(text, "+infinity"))
        return std::numeric_limits<double>::infinity();
    if (equal_ignoring_case(text, "-infinity") || equal_ignoring_case(text, "-inf"))
        return -std::numeric_limits<double>::infinity();
    double value = 0;
    const auto* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || at != end) return std::nullopt;
    return value;
}

std::int64_t integer_max(Type::Kind kind) {
    switch (kind) {
        case Type::Kind::int8: return std::numeric_limits<std::int8_t>::max();
        case Type::Kind::int16: return std::numeric_limits<std::int16_t>::max();
        case Type::Kind::int32: return std::numeric_limits<std::int32_t>::max();
        default: return std::numeric_limits<std::int64_t>::max();
    }
}

}  // namespace

std::optional<std::int64_t> parse_date(std::string_view text) {
    const auto days = take_date(text);
    if (!days || !text.empty()) return std::nullopt;
    return days;
}

std::optional<std::int64_t> parse_timestamp(std::string_view text) {
    const auto days = take_date(text);
    if (!days) return std::nullopt;
    std::int64_t seconds = *days * 86'400;
    if (text.empty()) return seconds * 1'000'000;
    if (!take(text, ' ') && !take(text, 'T')) return std::nullopt;
    const auto hour = take_digits(text, 2);
    if (!hour || !take(text, ':')) return std::nullopt;
    const auto minute = take_digits(text, 2);
    if (!minute || !take(text, ':')) return std::nullopt;
    const auto second = take_digits(text, 2);
    if (!second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
    const auto micros = take_fraction(text);
    if (!micros) return std::nullopt;
    const auto offset = take_offset(text);
    if (!offset || !text.empty()) return std::nullopt;
    seconds += *hour * 3600 + *minute * 60 + *second - *offset;
    constexpr std::int64_t seconds_max = std::numeric_limits<std::int64_t>::max() / 1'000'000 - 1;
    if (seconds > seconds_max || seconds < -seconds_max) return std::nullopt;
    return seconds * 1'000'000 + *micros;
}

std::optional<Value> parse_value(const Type& type, std::string_view text) {
    using enum Type::Kind;
    switch (type.kind) {
        case boolean:
            if (equal_ignoring_case(text, "true")) return Value(std::int64_t{1});
            if (equal_ignoring_case(text, "false")) return Value(std::int64_t{0});
            return std::nullopt;
        case int8:
        case int16:
        case int32:
        case int64: {
            const auto number = whole_number(text);
            const auto max = integer_max(type.kind);
            if (!number || *number > max || *number < -max - 1) return std::nullopt;
            return Value(*number);
        }
        case float32:
        case float64: {
            const auto number = parse_double(text);
            return number ? std::optional<Value>(*number) : std::nullopt;
        }
        case decimal: {
            const auto number = parse_decimal(text, type.scale);
            return number ? std::optional<Value>(*number) : std::nullopt;
        }
        case string: return Value(std::string(text));
        case date: {
            const auto days = parse_date(text);
            return days ? std::optional<Value>(*days) : std::nullopt;
        }
        case timestamp:
        case timestamp_ntz: {
            const auto micros = parse_timestamp(text);
            return micros ? std::optional<Value>(*micros) : std::nullopt;
        }
        default: return std::nullopt;
    }
}

std::optional<std::string> sql_literal(const Type& type, const std::optional<std::string>& text) {
    const auto name = to_duckdb(type);
    // An empty text is NULL by Delta's rules, for strings too.
    if (!text || text->empty()) return fmt::format("CAST(NULL AS {})", name);
    if (type.kind == Type::Kind::string) return sql::quote_text(*text);
    const auto value = parse_value(type, *text);
    if (!value) return std::nullopt;
    switch (type.kind) {
        case Type::Kind::date: return fmt::format("(DATE '1970-01-01' + {})", std::get<std::int64_t>(*value));
        case Type::Kind::timestamp: return fmt::format("make_timestamptz({}::BIGINT)", std::get<std::int64_t>(*value));
        case Type::Kind::timestamp_ntz:
            return fmt::format("make_timestamp({}::BIGINT)", std::get<std::int64_t>(*value));
        default: return fmt::format("CAST({} AS {})", sql::quote_text(*text), name);
    }
}

}  // namespace weir::lake

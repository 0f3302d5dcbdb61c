#include "serve/read/literal.h"

#include <fmt/format.h>

#include "source/columns/cast.h"
#include "sql/database.h"

namespace weir::serve {
namespace {

using enum Type::Kind;

template <class T>
std::optional<std::string> whole(std::string_view text) {
    T value{};
    if (!source::cast_integer(text, value)) return std::nullopt;
    return std::to_string(static_cast<std::int64_t>(value));
}

std::string decimal_text(source::int128 value, int scale) {
    const bool negative = value < 0;
    std::string digits;
    do {
        const int digit = static_cast<int>(value % 10);
        digits.insert(digits.begin(), static_cast<char>('0' + (digit < 0 ? -digit : digit)));
        value /= 10;
    } while (value != 0);
    const auto places = static_cast<std::size_t>(scale);
    if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
    if (places > 0) digits.insert(digits.size() - places, ".");
    return negative ? "-" + digits : digits;
}

std::optional<std::int64_t> moment(std::string_view text, source::Zone zone) {
    std::int64_t micros = 0;
    if (text.size() == 10) {
        std::int32_t days = 0;
        if (!source::cast_date(text, days)) return std::nullopt;
        return days * source::micros_per_day;
    }
    if (!source::cast_timestamp(text, zone, micros)) return std::nullopt;
    return micros;
}

}  // namespace

std::optional<std::string> key_text(const Type& type, std::string_view text) {
    if (text.find('\0') != std::string_view::npos) return std::nullopt;
    switch (type.kind) {
        case boolean: {
            bool value = false;
            if (!source::cast_boolean(text, value)) return std::nullopt;
            return value ? "true" : "false";
        }
        case int8: return whole<std::int8_t>(text);
        case int16: return whole<std::int16_t>(text);
        case int32: return whole<std::int32_t>(text);
        case int64: return whole<std::int64_t>(text);
        case decimal: {
            source::int128 value = 0;
            if (!source::cast_decimal(text, type.precision, type.scale, value)) return std::nullopt;
            return decimal_text(value, type.scale);
        }
        case float32: {
            float value = 0;
            if (!source::cast_float(text, value)) return std::nullopt;
            return std::string(trimmed(text));
        }
        case float64: {
            double value = 0;
            if (!source::cast_float(text, value)) return std::nullopt;
            return std::string(trimmed(text));
        }
        case string: return std::string(text);
        case date: {
            std::int32_t days = 0;
            if (!source::cast_date(text, days)) return std::nullopt;
            return std::string(trimmed(text));
        }
        case timestamp:
        case timestamp_ntz: {
            const auto micros = moment(text, type.kind == timestamp ? source::Zone::allowed : source::Zone::refused);
            if (!micros) return std::nullopt;
            return std::to_string(*micros);
        }
        default: return std::nullopt;
    }
}

std::optional<std::string> sql_literal(const Type& type, std::string_view text) {
    const auto value = key_text(type, text);
    if (!value) return std::nullopt;
    switch (type.kind) {
        case string: return sql::quote_text(*value);
        case timestamp: return fmt::format("make_timestamptz({})", *value);
        case timestamp_ntz: return fmt::format("make_timestamp({})", *value);
        default: return fmt::format("{}::{}", sql::quote_text(*value), to_duckdb(type));
    }
}

std::string key_expression(const Type& type, const std::string& column) {
    const auto name = sql::quote_name(column);
    if (type.kind == timestamp || type.kind == timestamp_ntz) return fmt::format("epoch_us({})::VARCHAR", name);
    return fmt::format("{}::VARCHAR", name);
}

std::string_view example_of(const Type& type) {
    switch (type.kind) {
        case boolean: return "true or false";
        case int8:
        case int16:
        case int32:
        case int64: return "a whole number such as 42";
        case decimal:
        case float32:
        case float64: return "a number such as 1.5";
        case date: return "a day such as 2024-03-01";
        case timestamp: return "a moment such as 2024-03-01T10:00:00Z (write + as %2B)";
        case timestamp_ntz: return "a moment without a zone such as 2024-03-01T10:00:00";
        case string: return "a text";
        default: return "no value: columns of this type cannot be compared here";
    }
}

}  // namespace weir::serve

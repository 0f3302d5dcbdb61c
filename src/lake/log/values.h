// Values as the log spells them (partition values, statistics, predicate literals), parsed for comparing and for SQL.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "model/schema.h"

namespace weir::lake {

__extension__ typedef __int128 Wide;

// Unscaled, at the scale of the column's type.
struct DecimalValue {
    Wide unscaled = 0;
    auto operator<=>(const DecimalValue&) const = default;
};

// Booleans are 0 and 1, dates days and timestamps microseconds since 1970.
using Value = std::variant<std::int64_t, double, DecimalValue, std::string>;

// Nothing where the text is no value of the type (nested and binary types have none).
std::optional<Value> parse_value(const Type& type, std::string_view text);

// "2024-02-29" → days since 1970; negative and five-digit years included.
std::optional<std::int64_t> parse_date(std::string_view text);
// "2024-01-01 10:00:00[.123456]" or with 'T', 'Z' or an offset → microseconds since 1970 in UTC.
std::optional<std::int64_t> parse_timestamp(std::string_view text);

// A SQL expression of exactly this type for a partition value; nothing where the text is no value of the type.
std::optional<std::string> sql_literal(const Type& type, const std::optional<std::string>& text);

}  // namespace weir::lake

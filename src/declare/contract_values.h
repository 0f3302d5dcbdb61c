// Small texts inside a contract: types, retention, bounds. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/schema.h"

namespace weir::declare {

std::string lower(std::string_view text);

// Days of "400" "d"; weeks, months (30 days) and years (365 days) too.
std::optional<int> retention_days(std::string_view value, std::string_view unit);

struct PhysicalDecimal {
    bool wanted = false;       // the text says decimal or numeric
    std::optional<Type> type;  // and its precision and scale are possible
};
// "decimal(18,2)", "NUMERIC(10)".
PhysicalDecimal parse_decimal(std::string_view physical_type);

// Empty if the literal fits the type, else what it should be ("a whole number", "a day such as 2024-03-01").
std::string unfit_value(const Type& type, std::string_view literal);

}  // namespace weir::declare

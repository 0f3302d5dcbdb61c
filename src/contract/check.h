// The contract's check as the condition of the one statement that reads a source: broken rows leave the stream with
// their place and their reasons, filtered rows are counted, everything else goes on. Nothing is evaluated twice.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "contract/rules.h"

namespace weir::contract {

// A condition for `FROM weir_read(handle) WHERE …`. A row for which `where_sql` (empty: none) is not TRUE is filtered
// before any rule is looked at.
std::string reading_condition(std::int64_t handle, const std::string& where_sql, const std::vector<Rule>& rules);

// Which promises a rejected record broke, from the numbers that broken_numbers() gave: the first names rule and column,
// the reasons are joined.
struct Broken {
    std::string rule, column, reason;
};
Broken explain_broken(const std::vector<Rule>& rules, std::string_view numbers);

}  // namespace weir::contract

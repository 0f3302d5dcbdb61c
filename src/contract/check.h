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

// The whole statement's source: `table` (weir_read(handle)) with the contract's fallback and derived columns, without
// the rows that are filtered or broken.
std::string checked_rows(const std::string& table, std::int64_t handle, const declare::Contract& contract,
                         const std::string& where_sql, const std::vector<Rule>& rules);

// Whether the contract's own SQL asks which values were of the wrong type.
bool reads_type_errors(const declare::Contract& contract);

// `rows` with the contract's fallback and derived columns; itself where it has none.
std::string with_derived(const std::string& rows, const declare::Contract& contract);

// The columns that are read from a file.
std::vector<declare::ContractColumn> read_columns(const declare::Contract& contract);

// Which promises a rejected record broke, from the numbers that broken_numbers() gave: the first names rule and column,
// the reasons are joined.
struct Broken {
    std::string rule, column, reason;
};
Broken explain_broken(const std::vector<Rule>& rules, std::string_view numbers);

}  // namespace weir::contract

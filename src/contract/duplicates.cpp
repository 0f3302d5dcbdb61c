#include "contract/duplicates.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sql/database.h"

namespace weir::contract {

using declare::Contract;
using declare::Deduplicate;

std::vector<std::string> duplicate_columns(const Contract& contract) {
    if (contract.deduplicate.by == Deduplicate::By::columns) return contract.deduplicate.columns;
    std::vector<std::string> all;
    if (contract.deduplicate.by == Deduplicate::By::row) {
        for (const auto& column : contract.columns) all.push_back(column.name);
    }
    return all;
}

std::optional<std::string> key_hash(const Contract& contract) {
    if (contract.deduplicate.by == Deduplicate::By::expression) {
        // A key that cannot be computed is none.
        const auto text = fmt::format("TRY(CAST(({}\n) AS VARCHAR))", contract.deduplicate.sql);
        return fmt::format("md5_number({})", text);
    }
    const auto columns = duplicate_columns(contract);
    if (columns.empty()) return std::nullopt;
    const bool whole_row = contract.deduplicate.by == Deduplicate::By::row;
    std::vector<std::string> parts, present;
    for (const auto& column : columns) {
        const auto name = sql::quote_name(column);
        const auto text = fmt::format("CAST({} AS VARCHAR)", name);
        // The length in front keeps ('a', 'bc') and ('ab', 'c') apart; 'N' is no length.
        parts.push_back(fmt::format("coalesce(concat(strlen({0}), ':', {0}), 'N')", text));
        present.push_back(name + " IS NOT NULL");
    }
    const auto hash = fmt::format("md5_number(concat({}))", fmt::join(parts, ", "));
    if (whole_row) return hash;
    return fmt::format("CASE WHEN {} THEN {} END", fmt::join(present, " AND "), hash);
}

}  // namespace weir::contract

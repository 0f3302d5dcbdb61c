#include "observe/system_facts.h"

#include <fmt/format.h>

#include <optional>

namespace weir::observe {
namespace {

struct SystemTable {
    lake::Snapshot snapshot;
    std::string relation;
};
// Nothing: the table is not there.
Result<std::optional<SystemTable>> open_table(const lake::Lake& lake, const std::string& name) {
    WEIR_ASSIGN(const auto table, lake.table("weir/" + name));
    WEIR_ASSIGN(auto snapshot, table.newest());
    if (!snapshot) return std::optional<SystemTable>();
    WEIR_ASSIGN(const auto scan, table.scan(*snapshot));
    return std::optional(SystemTable{std::move(*snapshot), scan.relation});
}

}  // namespace

Result<std::vector<SourceRows>> accounting_totals(const lake::Lake& lake, sql::Connection& connection) {
    std::vector<SourceRows> totals;
    WEIR_ASSIGN(const auto table, open_table(lake, "accounting"));
    if (!table) return totals;
    const auto* late = table->snapshot.schema().find("late") == nullptr ? "0" : "late";
    WEIR_ASSIGN(const auto rows, connection.query(fmt::format(
                                     "SELECT source, sum(read)::BIGINT, sum(accepted)::BIGINT, sum(duplicate)::BIGINT, "
                                     "sum(quarantined)::BIGINT, sum(filtered)::BIGINT, coalesce(sum({}), 0)::BIGINT, "
                                     "epoch_us(max(committed_at)), max(epoch) FROM {} GROUP BY source ORDER BY source",
                                     late, table->relation)));
    for (std::size_t row = 0; row < rows.row_count(); ++row) {
        SourceRows one;
        one.source = rows.text(row, 0);
        one.read = rows.integer(row, 1);
        one.accepted = rows.integer(row, 2);
        one.duplicate = rows.integer(row, 3);
        one.quarantined = rows.integer(row, 4);
        one.filtered = rows.integer(row, 5);
        one.late = rows.integer(row, 6);
        one.committed_us = rows.is_null(row, 7) ? 0 : rows.integer(row, 7);
        one.epoch = rows.integer(row, 8);
        totals.push_back(std::move(one));
    }
    return totals;
}

Result<std::vector<Verdict>> last_verdicts(const lake::Lake& lake, sql::Connection& connection) {
    std::vector<Verdict> verdicts;
    WEIR_ASSIGN(const auto table, open_table(lake, "verdicts"));
    if (!table) return verdicts;
    WEIR_ASSIGN(const auto rows,
                connection.query(fmt::format("SELECT \"view\", arg_max(verdict, verified_at) = 'equal', "
                                             "epoch_us(max(verified_at)) FROM {} GROUP BY \"view\" ORDER BY \"view\"",
                                             table->relation)));
    for (std::size_t row = 0; row < rows.row_count(); ++row)
        verdicts.push_back({std::string(rows.text(row, 0)), rows.integer(row, 1) != 0, rows.integer(row, 2)});
    return verdicts;
}

}  // namespace weir::observe

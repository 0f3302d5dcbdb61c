#include "serve/read/system_facts.h"

#include <fmt/format.h>

namespace weir::serve {
namespace {

// A SELECT with {} for the table; no rows where the table is not there.
Result<sql::Rows> read_table(const lake::Lake& lake, sql::Connection& connection, const std::string& name,
                             fmt::format_string<const std::string&> select) {
    WEIR_ASSIGN(const auto table, lake.table("weir/" + name));
    WEIR_ASSIGN(const bool exists, table.exists());
    if (!exists) return sql::Rows();
    WEIR_ASSIGN(const auto snapshot, table.snapshot());
    WEIR_ASSIGN(const auto scan, table.scan(snapshot));
    return connection.query(fmt::format(select, scan.relation));
}

}  // namespace

Result<std::vector<SourceRows>> accounting_totals(const lake::Lake& lake, sql::Connection& connection) {
    WEIR_ASSIGN(
        const auto rows,
        read_table(
            lake, connection, "accounting",
            "SELECT source, sum(read)::BIGINT, sum(accepted)::BIGINT, "
            "sum(duplicate)::BIGINT, sum(quarantined)::BIGINT, "
            "sum(filtered)::BIGINT, epoch_us(max(committed_at)), max(epoch) FROM {} GROUP BY source ORDER BY source"));
    std::vector<SourceRows> totals;
    for (std::size_t row = 0; row < rows.row_count(); ++row)
        totals.push_back({std::string(rows.text(row, 0)), rows.integer(row, 1), rows.integer(row, 2),
                          rows.integer(row, 3), rows.integer(row, 4), rows.integer(row, 5),
                          rows.is_null(row, 6) ? 0 : rows.integer(row, 6), rows.integer(row, 7)});
    return totals;
}

Result<std::vector<Verdict>> last_verdicts(const lake::Lake& lake, sql::Connection& connection) {
    WEIR_ASSIGN(const auto rows, read_table(lake, connection, "verdicts",
                                            "SELECT \"view\", arg_max(verdict, verified_at) = 'equal', "
                                            "epoch_us(max(verified_at)) FROM {} GROUP BY \"view\" ORDER BY \"view\""));
    std::vector<Verdict> verdicts;
    for (std::size_t row = 0; row < rows.row_count(); ++row)
        verdicts.push_back({std::string(rows.text(row, 0)), rows.integer(row, 1) != 0, rows.integer(row, 2)});
    return verdicts;
}

}  // namespace weir::serve

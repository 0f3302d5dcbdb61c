#include "observe/watermarks_relation.h"

#include <fmt/format.h>

#include "model/system_tables.h"

namespace weir::observe {

Result<std::string> watermarks_relation(const lake::Lake& lake, sql::Connection& connection,
                                        const declare::Project& project, Time now) {
    WEIR_ASSIGN(const auto sources, watermarks(lake, connection, project, now));
    std::string columns, nothing;
    for (const auto& field : system_table("watermarks").schema.fields) {
        const auto* separator = columns.empty() ? "" : ", ";
        columns += separator + sql::quote_name(field.name);
        nothing += fmt::format("{}NULL::{} AS {}", separator, to_duckdb(field.type), sql::quote_name(field.name));
    }
    if (sources.empty()) return fmt::format("(SELECT {} WHERE false)", nothing);
    WEIR_ASSIGN(const auto totals, accounting_totals(lake, connection));
    // Each value in its column's type, also where every row is NULL.
    return fmt::format("(SELECT {} WHERE false UNION ALL SELECT * FROM (VALUES {}) t({}))", nothing,
                       watermark_rows(sources, totals), columns);
}

}  // namespace weir::observe

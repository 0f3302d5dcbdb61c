#include "observe/system_relation.h"

#include <fmt/format.h>

#include "model/system_tables.h"
#include "sql/database.h"

namespace weir::observe {

std::string system_relation(std::string_view table, const std::string& rows) {
    std::string columns, names, nothing;
    for (const auto& field : system_table(table).schema.fields) {
        const auto* separator = columns.empty() ? "" : ", ";
        const auto name = sql::quote_name(field.name);
        columns += fmt::format("{}t.{}::{} AS {}", separator, name, to_duckdb(field.type), name);
        names += separator + name;
        nothing += fmt::format("{}NULL", separator);
    }
    return rows.empty() ? fmt::format("(SELECT {} FROM (VALUES ({})) t({}) WHERE false)", columns, nothing, names)
                        : fmt::format("(SELECT {} FROM (VALUES {}) t({}))", columns, rows, names);
}

}  // namespace weir::observe

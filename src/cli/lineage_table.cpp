#include "cli/lineage_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "view/batch/view_split.h"

namespace weir::cli {
namespace {

Status fill(sql::Connection& connection, const std::string& table, const Opened& opened) {
    if (!opened.project) return ok();
    WEIR_ASSIGN(auto database, sql::Database::open({.threads = 1}));
    WEIR_ASSIGN(const auto lake, lake::Lake::open(opened.lake.string(), database));
    WEIR_ASSIGN(auto catalog, view::Catalog::open(lake, *opened.project, view::Catalog::For::people));
    for (const auto& view : opened.project->views) {
        WEIR_ASSIGN(const auto columns, catalog.lineage(view));
        std::vector<std::string> rows;
        for (const auto& column : columns) {
            const auto begin = fmt::format("({}, {}, ", sql::quote_text(view.name), sql::quote_text(column.column));
            if (column.origins.empty()) rows.push_back(begin + "NULL, NULL, 'value')");
            for (const auto& origin : column.origins)
                rows.push_back(fmt::format("{}{}, {}, '{}')", begin, sql::quote_text(origin.table),
                                           sql::quote_text(origin.column), view::to_string(origin.kind)));
        }
        WEIR_TRY(connection.run(fmt::format("INSERT INTO {} VALUES {}", table, fmt::join(rows, ", "))));
    }
    return ok();
}

}  // namespace

void provide_lineage(view::Session& session, const Opened& opened) {
    session.provide("lineage", [&opened](sql::Connection& connection, const std::string& table) {
        return fill(connection, table, opened);
    });
}

}  // namespace weir::cli

#include "declare/sql_check.h"

#include <fmt/format.h>

#include "declare/sql_rules.h"

namespace weir::declare {
namespace {

// What every view may ask for: the days that its result is for. A run sets them.
void declare_interval(SqlRules& sql) {
    SqlFault fault;
    for (const auto* name : {"interval_start", "interval_end"})
        (void)sql.duckdb.run(fmt::format("CREATE TEMP MACRO {}() AS DATE '2000-01-01'", name), fault);
}

}  // namespace

void check_sql(Context& context) {
    auto duckdb = DuckdbCheck::open();
    if (!duckdb) {
        context.problems.add(std::move(duckdb).error().within("opening DuckDB for the checks"));
        return;
    }
    SqlRules sql(context, std::move(duckdb).value());
    sql.check_zone();
    sql.create_tables();
    read_macros(sql);
    declare_interval(sql);
    check_views(sql);
    for (const auto& snippet : context.snippets) check_snippet(sql, snippet);
}

}  // namespace weir::declare

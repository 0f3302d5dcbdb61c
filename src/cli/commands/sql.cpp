// weir sql: one statement over everything that the lake holds.
#include "cli/alerts_table.h"
#include "cli/as_of.h"
#include "cli/commands/list.h"
#include "cli/lineage_table.h"
#include "cli/project.h"
#include "cli/result.h"
#include "cli/runs_table.h"
#include "cli/statement.h"
#include "cli/watermarks_table.h"

namespace weir::cli {
namespace {

// A plan is text with line ends; a table's cells have none.
Status print_plan(sql::Connection& connection, const std::string& statement, Terminal& terminal) {
    WEIR_ASSIGN(const auto rows, connection.query(statement));
    for (std::size_t row = 0; row < rows.row_count(); ++row) {
        std::string text(rows.text(row, rows.column_count() - 1));
        WEIR_TRY(terminal.write(text.ends_with('\n') ? text : text + "\n"));
    }
    return ok();
}

Result<int> run(const Invocation& invocation, Terminal& terminal) {
    lake::At as_of = lake::Newest{};
    if (invocation.has("--as-of")) {
        WEIR_ASSIGN(as_of, parse_as_of(invocation.option("--as-of")));
    }
    WEIR_ASSIGN(const auto opened, open_project_or_lake(invocation, terminal));
    const bool live = invocation.has("--live");
    if (live && invocation.has("--as-of"))
        return Error{.code = ErrorCode::usage, .message = "--live is now, and --as-of is then", .hint = "give one"};
    WEIR_ASSIGN(auto session, open_session(opened, as_of, live));
    provide_runs(session, opened.lake);
    provide_lineage(session, opened);
    provide_alerts(session, opened.lake);
    provide_watermarks(session, opened.lake, opened.project ? &*opened.project : nullptr);
    WEIR_ASSIGN(const auto statement, prepare_reading(session, invocation.argument("SQL")));
    const auto format = chosen_format(invocation);
    if (statement.is_explain && format == "table") {
        WEIR_TRY(print_plan(session.connection(), statement.sql, terminal));
        return 0;
    }
    WEIR_TRY(print_query(session.connection(), statement.sql, format, invocation.option("--out"), terminal));
    return 0;
}

}  // namespace

Command sql_command() {
    return {
        .name = "sql",
        .summary = "run one SELECT over tables, views and weir.* system tables",
        .description =
            "Every table of the lake is there under its name. A view that keeps every interval shows its latest "
            "result, and all of them as history.NAME with the column run_date. With --live, views are computed from "
            "their states and from what came in since, all as of one moment. Only reading statements are taken. "
            "csv, json (one array), ndjson (one object a line) and parquet are exact: decimals keep their scale, "
            "moments are UTC with Z, binary is hex in csv and base64 in json.",
        .arguments = {{.name = "PROJECT",
                       .help = "the project's directory (default: the current one; --lake works without a project)",
                       .words = Words::project},
                      {.name = "SQL", .help = "one statement", .required = true}},
        .options = {format_option(),
                    {.name = "--as-of",
                     .value = "VERSION|TIME",
                     .help = "the tables as they were: a version number, 2024-03-01 or 2024-03-01T10:00:00Z"},
                    {.name = "--live",
                     .help = "views up to the newest commits, instead of as they were published last"},
                    {.name = "--out",
                     .value = "FILE",
                     .help = "write there instead; it appears whole or not at all",
                     .words = Words::file}},
        .examples = {{"weir sql \"select * from weir.tables\"", "what is in the lake"},
                     {"weir sql shop \"select * from weir.accounting\" --format csv", "rows for another program"},
                     {"weir sql \"select count(*) from current_recipes\" --live",
                      "with what came in since the last run"},
                     {"weir sql --lake /srv/lake \"from weir.files limit 10\" --json", "a lake without its project"}},
        .exit_codes = {0, 1, 2, 4, 130},
        .run = run};
}

}  // namespace weir::cli

// weir quarantine list and show: rows that broke their contract, with what arrived and why.
#include <fmt/format.h>

#include "cli/commands/list.h"
#include "cli/project.h"
#include "cli/result.h"
#include "model/interval.h"

namespace weir::cli {
namespace {

Argument project_argument() {
    return {.name = "PROJECT", .help = "the project's directory (default: the current one)", .words = Words::project};
}

Result<view::Session> session_of(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto opened, open_project_or_lake(invocation, terminal));
    return open_session(opened);
}

Result<int> list(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(auto session, session_of(invocation, terminal));
    WEIR_ASSIGN(const auto where, quarantine_filter(invocation));
    const auto statement = fmt::format(
        "SELECT id, state, source, arrival_date, file, line, \"column\", rule, reason FROM weir.quarantine WHERE {} "
        "ORDER BY arrival_date, source, file, line",
        where);
    if (auto prepared = session.prepare(statement); !prepared) return std::move(prepared).error();
    WEIR_TRY(print_query(session.connection(), statement, chosen_format(invocation), "", terminal));
    return 0;
}

Result<int> show(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(auto session, session_of(invocation, terminal));
    const auto id = invocation.argument("ID");
    const auto where = fmt::format("starts_with(id, {})", sql::quote_text(id));
    const std::string count = "SELECT count(*) FROM weir.quarantine WHERE " + where;
    if (auto prepared = session.prepare(count); !prepared) return std::move(prepared).error();
    WEIR_ASSIGN(const auto found, session.connection().query(count));
    if (found.integer(0, 0) != 1)
        return Error{
            .code = ErrorCode::not_found,
            .message = found.integer(0, 0) == 0
                           ? fmt::format("no quarantined row has the id {}", id)
                           : fmt::format("{} quarantined rows have an id that begins with {}", found.integer(0, 0), id),
            .hint = "`weir quarantine list` shows the ids"};
    if (terminal.json() || invocation.has("--format")) {
        WEIR_TRY(print_query(session.connection(), "SELECT * FROM weir.quarantine WHERE " + where,
                             chosen_format(invocation), "", terminal));
        return 0;
    }
    // Bytes that are no text are shown as \x.. by DuckDB; the table below shows one field a line.
    const auto statement = fmt::format(
        "UNPIVOT (SELECT state, source, arrival_date::VARCHAR AS arrival_date, file, line::VARCHAR AS line, "
        "\"column\", rule, "
        "reason, raw::VARCHAR AS raw, cut::VARCHAR AS cut, header, run_id, changed_at::VARCHAR AS changed_at, note "
        "FROM weir.quarantine WHERE {}) ON COLUMNS(*) INTO NAME field VALUE value",
        where);
    WEIR_TRY(print_query(session.connection(), statement, "table", "", terminal));
    return 0;
}

}  // namespace

std::vector<Option> quarantine_options() {
    return {{.name = "--source", .value = "SOURCE", .help = "only rows of this source", .words = Words::source},
            {.name = "--rule", .value = "RULE", .help = "only rows that broke this rule"},
            {.name = "--interval", .value = "DAY|FROM/TO", .help = "only rows that arrived then; the end is excluded"}};
}

Result<std::string> quarantine_filter(const Invocation& invocation) {
    auto where = fmt::format("state = {}", sql::quote_text(invocation.option("--state", "pending")));
    if (invocation.option("--state") == "all") where = "true";
    if (invocation.has("--source")) where += " AND source = " + sql::quote_text(invocation.option("--source"));
    if (invocation.has("--rule")) where += " AND rule = " + sql::quote_text(invocation.option("--rule"));
    if (invocation.has("--interval")) {
        WEIR_ASSIGN(const auto interval, parse_interval(invocation.option("--interval")));
        where += fmt::format(" AND arrival_date >= '{}' AND arrival_date < '{}'", to_string(interval.from),
                             to_string(interval.to));
    }
    return where;
}

Command quarantine_list_command() {
    auto options = quarantine_options();
    options.push_back({.name = "--state",
                       .value = "STATE",
                       .help = "pending (default), replayed, discarded or all",
                       .choices = {"pending", "replayed", "discarded", "all"}});
    options.push_back(format_option());
    return {
        .name = "quarantine list",
        .summary = "the rows that broke their contract",
        .description = "A row is pending until it is replayed under a changed contract, or discarded with a reason.",
        .arguments = {project_argument()},
        .options = std::move(options),
        .examples = {{"weir quarantine list", "all that wait"},
                     {"weir quarantine list --source recipe_changes --rule bad_ingredients --format csv",
                      "some of them, for a person to mend"}},
        .exit_codes = {0, 1, 2, 4},
        .run = list};
}

Command quarantine_show_command() {
    return {
        .name = "quarantine show",
        .summary = "one row, with the bytes that arrived",
        .description = "With --json the bytes are base64.",
        .arguments = {project_argument(), {.name = "ID", .help = "the row's id, or its beginning", .required = true}},
        .options = {format_option()},
        .examples = {{"weir quarantine show 4d113d", "why this row is here"}},
        .exit_codes = {0, 1, 2, 4},
        .run = show};
}

}  // namespace weir::cli

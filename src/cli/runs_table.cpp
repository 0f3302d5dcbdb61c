#include "cli/runs_table.h"

#include <fmt/format.h>

#include <limits>

#include "cli/project.h"
#include "model/system_tables.h"
#include "orchestrate/ledger.h"

namespace weir::cli {
namespace {

std::string moment(Time time) { return fmt::format("make_timestamptz({})", time.time_since_epoch().count()); }

std::string or_null(const std::string& text) { return text.empty() ? "NULL" : sql::quote_text(text); }

// Inserted in groups of this many: one statement each would be slow, one for all would be a huge text.
constexpr std::size_t rows_together = 500;
// What a relation in text may hold: some hundred runs of a large project.
constexpr std::size_t rows_in_text = 5000;

std::string values_of(const orchestrate::Step& step) {
    return fmt::format("({}, {}, {}, {}, {}, {}, {}, {}, {}, {})", sql::quote_text(step.run_id),
                       moment(step.started_at), step.finished_at ? moment(*step.finished_at) : "NULL",
                       sql::quote_text(step.node), sql::quote_text(orchestrate::to_string(step.kind)),
                       step.interval_from ? sql::quote_text(to_string(*step.interval_from)) : "NULL",
                       sql::quote_text(orchestrate::to_string(step.state)), step.rows, or_null(step.reason),
                       or_null(step.error));
}

Status fill(sql::Connection& connection, const std::string& table, const std::filesystem::path& file) {
    std::error_code error;
    // Nothing ran yet. Opening would create it.
    if (!std::filesystem::exists(file, error)) return ok();
    WEIR_ASSIGN(const auto ledger, orchestrate::Ledger::open(file));
    WEIR_ASSIGN(const auto steps, ledger.steps(static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())));
    for (std::size_t begin = 0; begin < steps.size(); begin += rows_together) {
        std::string values;
        for (std::size_t i = begin; i < std::min(begin + rows_together, steps.size()); ++i)
            values += (values.empty() ? "" : ", ") + values_of(steps[i]);
        WEIR_TRY(connection.run(fmt::format("INSERT INTO {} VALUES {}", table, values)));
    }
    return ok();
}

}  // namespace

Result<std::string> runs_relation(const std::filesystem::path& lake) {
    WEIR_ASSIGN(const auto ledger, orchestrate::Ledger::look(ledger_path(lake)));
    WEIR_ASSIGN(const auto steps, ledger.steps(rows_in_text));
    std::string columns, empty, values;
    for (const auto& field : system_table("runs").schema.fields) {
        const auto* separator = columns.empty() ? "" : ", ";
        columns += fmt::format("{}t.{}::{} AS {}", separator, sql::quote_name(field.name), to_duckdb(field.type),
                               sql::quote_name(field.name));
        empty += fmt::format("{}{}", separator, sql::quote_name(field.name));
    }
    for (const auto& step : steps) values += (values.empty() ? "" : ", ") + values_of(step);
    const bool none = values.empty();
    if (none) values = "(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)";
    return fmt::format("(SELECT {} FROM (VALUES {}) t({}){})", columns, values, empty, none ? " WHERE false" : "");
}

void provide_runs(view::Session& session, const std::filesystem::path& lake) {
    session.provide("runs", [file = ledger_path(lake)](sql::Connection& connection, const std::string& table) {
        return fill(connection, table, file);
    });
}

}  // namespace weir::cli

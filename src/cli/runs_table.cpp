#include "cli/runs_table.h"

#include <fmt/format.h>

#include <limits>

#include "cli/project.h"
#include "orchestrate/ledger.h"

namespace weir::cli {
namespace {

std::string moment(Time time) { return fmt::format("make_timestamptz({})", time.time_since_epoch().count()); }

std::string or_null(const std::string& text) { return text.empty() ? "NULL" : sql::quote_text(text); }

// Inserted in groups of this many: one statement each would be slow, one for all would be a huge text.
constexpr std::size_t rows_together = 500;

Status fill(sql::Connection& connection, const std::string& table, const std::filesystem::path& file) {
    std::error_code error;
    // Nothing ran yet. Opening would create it.
    if (!std::filesystem::exists(file, error)) return ok();
    WEIR_ASSIGN(const auto ledger, orchestrate::Ledger::open(file));
    WEIR_ASSIGN(const auto steps, ledger.steps(static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())));
    for (std::size_t begin = 0; begin < steps.size(); begin += rows_together) {
        std::string values;
        for (std::size_t i = begin; i < std::min(begin + rows_together, steps.size()); ++i) {
            const auto& step = steps[i];
            values += fmt::format("{}({}, {}, {}, {}, {}, {}, {}, {}, {}, {})", values.empty() ? "" : ", ",
                                  sql::quote_text(step.run_id), moment(step.started_at),
                                  step.finished_at ? moment(*step.finished_at) : "NULL", sql::quote_text(step.node),
                                  sql::quote_text(orchestrate::to_string(step.kind)),
                                  step.interval_from ? sql::quote_text(to_string(*step.interval_from)) : "NULL",
                                  sql::quote_text(orchestrate::to_string(step.state)), step.rows, or_null(step.reason),
                                  or_null(step.error));
        }
        WEIR_TRY(connection.run(fmt::format("INSERT INTO {} VALUES {}", table, values)));
    }
    return ok();
}

}  // namespace

void provide_runs(view::Session& session, const std::filesystem::path& lake) {
    session.provide("runs", [file = ledger_path(lake)](sql::Connection& connection, const std::string& table) {
        return fill(connection, table, file);
    });
}

}  // namespace weir::cli

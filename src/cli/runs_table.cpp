#include "cli/runs_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>

#include "cli/project.h"
#include "observe/system_relation.h"
#include "orchestrate/ledger.h"
#include "orchestrate/run_rows.h"

namespace weir::cli {
namespace {

// Inserted in groups of this many: one statement each would be slow, one for all would be a huge text.
constexpr std::size_t rows_together = 500;
// What a relation in text may hold: some hundred runs of a large project.
constexpr std::size_t rows_in_text = 5000;

Status fill(sql::Connection& connection, const std::string& table, const std::filesystem::path& file) {
    std::error_code error;
    // Nothing ran yet. Opening would create it.
    if (!std::filesystem::exists(file, error)) return ok();
    WEIR_ASSIGN(const auto ledger, orchestrate::Ledger::open(file));
    WEIR_ASSIGN(const auto steps, ledger.steps(static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())));
    for (std::size_t begin = 0; begin < steps.size(); begin += rows_together) {
        const auto together = std::span(steps).subspan(begin, std::min(rows_together, steps.size() - begin));
        WEIR_TRY(connection.run(fmt::format("INSERT INTO {} VALUES {}", table, orchestrate::run_rows(together))));
    }
    return ok();
}

}  // namespace

Result<std::string> runs_relation(const std::filesystem::path& lake) {
    WEIR_ASSIGN(const auto ledger, orchestrate::Ledger::look(ledger_path(lake)));
    WEIR_ASSIGN(const auto steps, ledger.steps(rows_in_text));
    return observe::system_relation("runs", orchestrate::run_rows(steps));
}

void provide_runs(view::Session& session, const std::filesystem::path& lake) {
    session.provide("runs", [file = ledger_path(lake)](sql::Connection& connection, const std::string& table) {
        return fill(connection, table, file);
    });
}

}  // namespace weir::cli

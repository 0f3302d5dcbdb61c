// weir quarantine replay and discard: broken rows tried again under today's contract, or given up with a reason.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/nearest.h"
#include "base/stop.h"
#include "cli/commands/list.h"
#include "cli/run_place.h"
#include "cli/table.h"
#include "observe/progress.h"
#include "orchestrate/lock.h"
#include "orchestrate/quarantine.h"

namespace weir::cli {
namespace {

using nlohmann::json;

Argument project_argument() {
    return {.name = "PROJECT", .help = "the project's directory (default: the current one)", .words = Words::project};
}

Status print(const std::vector<orchestrate::Replayed>& replayed, Terminal& terminal) {
    if (terminal.json()) {
        json rows = json::array();
        for (const auto& source : replayed)
            rows.push_back({{"source", source.source},
                            {"read", source.read},
                            {"accepted", source.accepted},
                            {"duplicate", source.duplicate},
                            {"filtered", source.filtered},
                            {"still_broken", source.broken}});
        return terminal.write(rows.dump(2) + "\n");
    }
    if (terminal.quiet()) return ok();
    if (replayed.empty()) return terminal.write("no pending row was chosen\n");
    Table table(terminal, {{"source"},
                           {"read", true},
                           {"accepted", true},
                           {"duplicate", true},
                           {"filtered", true},
                           {"still broken", true}});
    std::int64_t accepted = 0;
    for (const auto& source : replayed) {
        accepted += source.accepted;
        WEIR_TRY(table.add({source.source, std::to_string(source.read), std::to_string(source.accepted),
                            std::to_string(source.duplicate), std::to_string(source.filtered),
                            std::to_string(source.broken)}));
    }
    WEIR_TRY(table.end());
    return accepted > 0 ? terminal.write("`weir run` brings the results up to date\n") : ok();
}

// Rows can only be tried again by a source that is there.
Status check_source(const Invocation& invocation, const declare::Project& project) {
    const auto name = invocation.option("--source");
    if (name.empty() || project.source(name) != nullptr) return ok();
    std::vector<std::string> names;
    for (const auto& source : project.sources) names.push_back(source.name);
    return Error{.code = ErrorCode::not_found,
                 .message = fmt::format("the project has no source '{}'", name),
                 .hint = suggest(name, names)};
}

Result<int> replay(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto where, quarantine_filter(invocation));
    stop_on_signals();
    WEIR_ASSIGN(const auto place, RunPlace::open(invocation, terminal));
    WEIR_TRY(check_source(invocation, place->project()));
    WEIR_ASSIGN(const auto lock, orchestrate::RunLock::take(place->project().lake));
    WEIR_ASSIGN(const auto run_id, place->ledger().new_run_id(place->clock().now()));
    observe::NoObserver nobody;
    WEIR_ASSIGN(const auto replayed, orchestrate::replay(place->workplace(nobody), where, run_id));
    for (const auto& source : replayed) {
        for (const auto& warning : source.warnings)
            terminal.note(fmt::format("warning: {}: {}\n", source.source, warning));
    }
    WEIR_TRY(print(replayed, terminal));
    return 0;
}

Result<int> discard(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto where, quarantine_filter(invocation));
    const auto reason = invocation.option("--reason");
    if (reason.empty())
        return Error{.code = ErrorCode::usage,
                     .message = "discarding rows needs a reason",
                     .hint = "--reason \"test data of the supplier\"; it is kept with each row"};
    WEIR_ASSIGN(const auto place, RunPlace::open(invocation, terminal));
    WEIR_ASSIGN(const auto lock, orchestrate::RunLock::take(place->project().lake));
    WEIR_ASSIGN(const auto run_id, place->ledger().new_run_id(place->clock().now()));
    observe::NoObserver nobody;
    WEIR_ASSIGN(const auto rows, orchestrate::discard(place->workplace(nobody), where, reason, run_id));
    if (terminal.json()) {
        WEIR_TRY(terminal.write(json{{"discarded", rows}}.dump() + "\n"));
    } else if (!terminal.quiet()) {
        WEIR_TRY(terminal.write(fmt::format("{} row{} discarded\n", rows, rows == 1 ? "" : "s")));
    }
    return 0;
}

}  // namespace

Command quarantine_replay_command() {
    return {
        .name = "quarantine replay",
        .summary = "try pending rows again under today's contract",
        .description =
            "Rows that keep the contract now land in the day where they belong, each once; the others stay pending.",
        .arguments = {project_argument()},
        .options = quarantine_options(),
        .examples = {{"weir quarantine replay", "all that wait"},
                     {"weir quarantine replay --source recipe_changes --rule bad_ingredients",
                      "after that rule was changed in the contract"}},
        .exit_codes = {0, 1, 2, 4, 5, 130},
        .run = replay};
}

Command quarantine_discard_command() {
    auto options = quarantine_options();
    options.push_back({.name = "--reason", .value = "TEXT", .help = "why; it is kept with each row"});
    return {.name = "quarantine discard",
            .summary = "give pending rows up, with a reason",
            .description = "The rows stay in weir.quarantine, in state discarded.",
            .arguments = {project_argument()},
            .options = std::move(options),
            .examples = {{"weir quarantine discard --rule bad_ingredients --reason \"mended and sent again\"",
                          "rows of one rule"}},
            .exit_codes = {0, 1, 2, 4},
            .run = discard};
}

}  // namespace weir::cli

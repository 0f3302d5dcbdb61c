// weir verify: whether published results are what their rows in the lake give.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands/list.h"
#include "cli/run_place.h"
#include "cli/table.h"
#include "orchestrate/verify.h"

namespace weir::cli {
namespace {

using nlohmann::json;
using orchestrate::Verdict;

json json_of(const Verdict& verdict) {
    json value{{"view", verdict.view},
               {"interval", verdict.interval},
               {"publication", verdict.publication},
               {"verdict", verdict.equal ? "equal" : "differs"},
               {"rows", verdict.rows},
               {"missing", verdict.missing},
               {"surplus", verdict.surplus}};
    if (!verdict.first) return value;
    const auto row = [](const std::string& text) { return text.empty() ? json() : json::parse(text); };
    value["first"] = {{"column", verdict.first->column},
                      {"recomputed", row(verdict.first->recomputed)},
                      {"published", row(verdict.first->published)},
                      {"events_query", verdict.first->events_query},
                      {"events", json::array()}};
    for (const auto& event : verdict.first->events) value["first"]["events"].push_back(row(event));
    return value;
}

Status print_difference(const Verdict& verdict, Terminal& terminal) {
    const auto& first = *verdict.first;
    WEIR_TRY(terminal.write(fmt::format("\n{}{}\n", terminal.styled(Style::bold, verdict.view),
                                        first.column.empty() ? "" : fmt::format(": column {} differs", first.column))));
    WEIR_TRY(terminal.write(
        fmt::format("  recomputed  {}\n", first.recomputed.empty() ? "has no such row" : first.recomputed)));
    WEIR_TRY(terminal.write(
        fmt::format("  published   {}\n", first.published.empty() ? "has no such row" : first.published)));
    if (first.events_query.empty()) return ok();
    WEIR_TRY(terminal.write(first.events.empty() ? "  no event has its keys\n" : "  made from\n"));
    for (const auto& event : first.events) WEIR_TRY(terminal.write(fmt::format("    {}\n", event)));
    return terminal.write(fmt::format("  all of them: {}\n", first.events_query));
}

Result<int> run(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto place, RunPlace::open(invocation, terminal, view::Access::look));
    observe::NoObserver nobody;
    const auto at = place->workplace(nobody);
    const auto views = invocation.all_arguments("VIEW");
    WEIR_ASSIGN(const auto done,
                invocation.has("--live") ? orchestrate::verify_live(at, views) : orchestrate::verify(at, views));
    const auto& [verdicts, rewritten] = done;
    bool equal = true;
    for (const auto& verdict : verdicts) equal = equal && verdict.equal;
    const int code = equal ? 0 : info(ErrorCode::verify_differs).exit_code;
    if (terminal.json()) {
        json list = json::array();
        for (const auto& verdict : verdicts) list.push_back(json_of(verdict));
        WEIR_TRY(terminal.write(
            json{{"equal", equal}, {"verdicts", std::move(list)}, {"rewritten", rewritten}}.dump(2) + "\n"));
        return code;
    }
    Table table(terminal, {{"view"}, {"interval"}, {"verdict"}, {"rows", true}, {"missing", true}, {"surplus", true}});
    for (const auto& verdict : verdicts)
        WEIR_TRY(table.add({verdict.view, verdict.interval, verdict.equal ? "equal" : "differs",
                            std::to_string(verdict.rows), std::to_string(verdict.missing),
                            std::to_string(verdict.surplus)}));
    for (const auto& view : rewritten) WEIR_TRY(table.add({view, "", "not compared", "", "", ""}));
    WEIR_TRY(table.end());
    if (!rewritten.empty())
        terminal.note("not compared: the text was changed since it was published; `weir run` computes it anew\n");
    for (const auto& verdict : verdicts)
        if (verdict.first) WEIR_TRY(print_difference(verdict, terminal));
    return code;
}

}  // namespace

Command verify_command() {
    return {.name = "verify",
            .summary = "compute published results again from the lake, and compare",
            .description =
                "Each view is computed by the plain full query over the tables as they were when its result was "
                "published, without states, and compared to the bit. Where they differ, the first differing row is "
                "shown with both values and the events behind it. A view whose text was changed since is not compared. "
                "Verdicts are kept in weir.verdicts. With --live, what "
                "`weir sql --live` gives is compared the same way, at one moment.",
            .arguments = {{.name = "PROJECT",
                           .help = "the project's directory (default: the current one)",
                           .words = Words::project},
                          {.name = "VIEW", .help = "these views (default: all)", .many = true, .words = Words::view}},
            .options = {{.name = "--live",
                         .help = "what is live now: the views up to the newest commits, while others write"}},
            .examples = {{"weir verify", "every view of the project in the current directory"},
                         {"weir verify difficulty_report --json", "one view, for a program"},
                         {"weir verify --live", "views up to the newest commits, beside those who write"}},
            .exit_codes = {0, 1, 2, 3, 4, 130},
            .run = run};
}

}  // namespace weir::cli

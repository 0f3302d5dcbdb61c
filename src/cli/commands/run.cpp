// weir run and weir plan: bring a project up to date, or say what that would be.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/stop.h"
#include "cli/commands/list.h"
#include "cli/due.h"
#include "cli/log_place.h"
#include "cli/run_place.h"
#include "cli/table.h"
#include "observe/progress.h"
#include "orchestrate/lock.h"
#include "orchestrate/run.h"
#include "serve/publication_load.h"

namespace weir::cli {
namespace {

using nlohmann::json;
using orchestrate::RunRequest;
using orchestrate::StepState;

Result<std::optional<Interval>> requested_interval(const Invocation& invocation) {
    if (invocation.has("--interval")) {
        if (invocation.has("--from") || invocation.has("--to"))
            return Error{.code = ErrorCode::usage, .message = "--interval says it all; leave out --from and --to"};
        WEIR_ASSIGN(auto interval, parse_interval(invocation.option("--interval")));
        return std::optional(interval);
    }
    if (!invocation.has("--from") && !invocation.has("--to")) return std::optional<Interval>();
    if (!invocation.has("--from") || !invocation.has("--to"))
        return Error{.code = ErrorCode::usage,
                     .message = "--from and --to belong together",
                     .hint = "--from 2024-03-01 --to 2024-03-08 (the end is excluded)"};
    WEIR_ASSIGN(auto interval, parse_interval(invocation.option("--from") + "/" + invocation.option("--to")));
    return std::optional(interval);
}

Result<RunRequest> request_of(const Invocation& invocation) {
    RunRequest request;
    WEIR_ASSIGN(request.interval, requested_interval(invocation));
    request.only = invocation.names("--only");
    for (const auto& view : invocation.names("--view")) request.only.push_back(view);
    request.full = invocation.has("--full");
    return request;
}

json json_of_step(const orchestrate::StepResult& step) {
    json value{{"kind", orchestrate::to_string(step.kind)},
               {"node", step.node},
               {"interval", step.day ? json(to_string(*step.day)) : json()},
               {"state", orchestrate::to_string(step.state)},
               {"reason", step.reason},
               {"rows", step.rows}};
    if (step.kind == orchestrate::StepKind::source)
        value.update({{"files", step.files},
                      {"read", step.read},
                      {"accepted", step.rows},
                      {"duplicate", step.duplicate},
                      {"quarantined", step.quarantined},
                      {"filtered", step.filtered},
                      {"late", step.late}});
    if (!step.warnings.empty()) value["warnings"] = step.warnings;
    if (step.error) value["error"] = json::parse(to_json(*step.error));
    return value;
}

// A view and its export have one name.
std::string step_name(const orchestrate::StepResult& step) {
    return step.kind == orchestrate::StepKind::export_file ? "export " + step.node : step.node;
}

TableCell count(std::int64_t number) { return std::to_string(number); }

// Progress has just told of each step on the same terminal; what it did not tell is where the rows went.
Status print_sources(const orchestrate::RunResult& result, Terminal& terminal) {
    Table table(terminal, {{"source"},
                           {"read", true},
                           {"accepted", true},
                           {"duplicate", true},
                           {"quarantined", true},
                           {"filtered", true},
                           {"files"}});
    for (const auto& step : result.steps)
        if (step.kind == orchestrate::StepKind::source && step.state != StepState::failed)
            WEIR_TRY(table.add({step.node, count(step.read), count(step.rows), count(step.duplicate),
                                count(step.quarantined), count(step.filtered), step.reason}));
    return table.rows() == 0 ? ok() : table.end();
}

Status print_steps(const orchestrate::RunResult& result, Terminal& terminal) {
    Table table(terminal, {{"step"},
                           {"interval"},
                           {"state"},
                           {"read", true},
                           {"rows", true},
                           {"duplicate", true},
                           {"quarantined", true},
                           {"filtered", true},
                           {"why"}});
    std::int64_t unchanged_views = 0;
    for (const auto& step : result.steps) {
        const bool source = step.kind == orchestrate::StepKind::source;
        if (!source && step.state == StepState::unchanged) {
            ++unchanged_views;
            continue;
        }
        WEIR_TRY(table.add({step_name(step), step.day ? to_string(*step.day) : "",
                            std::string(orchestrate::to_string(step.state)), source ? count(step.read) : TableCell(""),
                            count(step.rows), source ? count(step.duplicate) : TableCell(""),
                            source ? count(step.quarantined) : TableCell(""),
                            source ? count(step.filtered) : TableCell(""), step.reason}));
    }
    WEIR_TRY(table.end());
    if (unchanged_views == 0) return ok();
    return terminal.write(fmt::format("{} result{} up to date\n", unchanged_views, unchanged_views == 1 ? "" : "s"));
}

Status print_result(const orchestrate::RunResult& result, Terminal& terminal) {
    if (terminal.json()) {
        json steps = json::array();
        for (const auto& step : result.steps) steps.push_back(json_of_step(step));
        const json value{
            {"run_id", result.run_id}, {"failed", result.first_error.has_value()}, {"steps", std::move(steps)}};
        return terminal.write(value.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
    }
    for (const auto& step : result.steps) {
        for (const auto& warning : step.warnings) terminal.note(fmt::format("warning: {}: {}\n", step.node, warning));
        if (step.error && step.kind == orchestrate::StepKind::source)
            terminal.report(Error(*step.error).within(fmt::format("taking in source '{}'", step.node)));
        else if (step.error)
            terminal.report(*step.error);
    }
    if (terminal.quiet()) return ok();
    WEIR_TRY(terminal.out_is_terminal() ? print_sources(result, terminal) : print_steps(result, terminal));
    std::int64_t quarantined = 0;
    for (const auto& step : result.steps) quarantined += step.quarantined;
    if (quarantined > 0)
        WEIR_TRY(
            terminal.write(fmt::format("{} quarantined; `weir quarantine list` says why\n",
                                       quarantined == 1 ? "1 row was" : fmt::format("{} rows were", quarantined))));
    return ok();
}

// What was asked, of the project's replay alone.
Result<RunRequest> replay_of(const RunRequest& asked, const Invocation& invocation, const declare::Project& project) {
    for (const auto* other : {"--only", "--view"})
        if (invocation.has(other))
            return Error{.code = ErrorCode::usage,
                         .message = fmt::format("--replay says which views to compute; leave out {}", other)};
    const auto out =
        invocation.has("--out") ? std::filesystem::path(invocation.option("--out")) : project.lake / "export";
    std::error_code unknown;
    WEIR_ASSIGN(auto request, orchestrate::replay_request(project, std::filesystem::absolute(out, unknown)));
    request.interval = asked.interval;
    request.full = asked.full;
    return request;
}

// `weir up` does the same beside serving.
Status load_store(const declare::Project& project, Terminal& terminal) {
    const auto loaded = serve::load_postgres(project);
    if (!loaded) {
        auto error = loaded.error();
        error.hint +=
            (error.hint.empty() ? "" : "; ") +
            std::string(
                "the results are published in the lake, and the next `weir run --load-store` or `weir up` brings them");
        return std::move(error).within("bringing the results to PostgreSQL");
    }
    if (terminal.json() || terminal.quiet()) return ok();
    return terminal.write(fmt::format("PostgreSQL has publication {} of {} view{}\n", loaded->publication,
                                      loaded->views, loaded->views == 1 ? "" : "s"));
}

Result<int> run(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(auto request, request_of(invocation));
    if (invocation.has("--out") && !invocation.has("--replay"))
        return Error{.code = ErrorCode::usage,
                     .message = "--out says where the files of a replay go, and this is none",
                     .hint = "add --replay, or write results with `weir export --out DIR`"};
    stop_on_signals();
    WEIR_ASSIGN(const auto place, RunPlace::open(invocation, terminal));
    if (invocation.has("--replay")) {
        WEIR_ASSIGN(request, replay_of(request, invocation, place->project()));
    }
    if (invocation.has("--load-store") && !serve::holds_all_views(place->project().serve))
        return Error{
            .code = ErrorCode::usage,
            .message = "--load-store, and serve.yaml has no store in PostgreSQL",
            .hint =
                "declare one, `store: {postgres: \"${env:WEIR_STORE}\", schema: weir}`; rows by their keys need "
                "no load: `weir up` makes their index"};
    WEIR_ASSIGN(const auto lock, orchestrate::RunLock::take(place->project().lake));
    observe::Progress progress(observe::Progress::for_stderr(invocation.quiet));
    const auto at = place->workplace(progress);
    WEIR_ASSIGN(const auto result, orchestrate::run(at, place->ledger(), request));
    WEIR_TRY(print_result(result, terminal));
    if (invocation.has("--load-store")) WEIR_TRY(load_store(place->project(), terminal));
    return result.first_error ? info(result.first_error->code).exit_code : 0;
}

Result<int> plan(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto request, request_of(invocation));
    WEIR_ASSIGN(const auto place, RunPlace::open(invocation, terminal, view::Access::look));
    observe::NoObserver nobody;
    const auto at = place->workplace(nobody);
    WEIR_ASSIGN(const auto plan, orchestrate::plan(at, place->ledger(), request));
    if (terminal.json()) {
        WEIR_TRY(terminal.write(to_json_value(plan).dump(2, ' ', false, json::error_handler_t::replace) + "\n"));
        return 0;
    }
    Table sources(terminal, {{"source"},
                             {"table"},
                             {"new", true},
                             {"grown", true},
                             {"changed", true},
                             {"unchanged", true},
                             {"outside", true},
                             {"bytes", true},
                             {"intervals"}});
    for (const auto& source : plan.sources) {
        WEIR_TRY(sources.add(
            {source.source->name, source.source->table, std::to_string(source.files_new() + source.messages),
             std::to_string(source.grown), std::to_string(source.changed.size()), std::to_string(source.unchanged),
             std::to_string(source.outside), observe::bytes_text(source.bytes), days_text(source.days())}));
    }
    WEIR_TRY(sources.end());
    WEIR_TRY(terminal.write("\n"));
    Table views(terminal, {{"view"}, {"interval"}, {"due"}, {"why"}});
    for (const auto& view : plan.views)
        WEIR_TRY(
            views.add({view.view->name, to_string(view.day), view.due == orchestrate::Due::up_to_date ? "no" : "yes",
                       std::string(orchestrate::to_string(view.due))}));
    WEIR_TRY(views.end());
    return 0;
}

std::vector<Option> interval_options() {
    return {{.name = "--interval",
             .value = "DAY|FROM/TO",
             .help = "only files that arrived then, and the results of these days; the end is excluded; topics are "
                     "read to their end"},
            {.name = "--from", .value = "DAY", .help = "the first day, together with --to"},
            {.name = "--to", .value = "DAY", .help = "the day after the last one"},
            {.name = "--only",
             .value = "NODE",
             .help = "these sources and views, and nothing else; with commas or blanks between them",
             .words = Words::view,
             .many = true},
            {.name = "--view",
             .value = "VIEW",
             .help = "this view, and nothing else",
             .words = Words::view,
             .repeatable = true},
            {.name = "--full",
             .value = "",
             .help = "compute views from all rows again, up to date or not; states are built anew"},
            log_option(),
            kafka_option("the brokers of the project's Kafka, host:port with commas between them")};
}

std::vector<Option> run_options() {
    auto options = interval_options();
    options.push_back({.name = "--replay",
                       .value = "",
                       .help = "compute the views of the project's replay alone, and write them as CSV files"});
    options.push_back({.name = "--out",
                       .value = "DIR",
                       .help = "where the files of --replay go (default: export in the lake)",
                       .words = Words::directory});
    options.push_back({.name = "--load-store",
                       .value = "",
                       .help = "then bring the results to the PostgreSQL store of serve.yaml, as `weir up` does"});
    return options;
}

Argument project_argument() {
    return {.name = "PROJECT", .help = "the project's directory (default: the current one)", .words = Words::project};
}

}  // namespace

Command run_command() {
    return {.name = "run",
            .summary = "take in what is new and compute every result that is due",
            .description =
                "Without an interval: all that is due. Running again changes nothing. A source that fails lands "
                "nothing; the other steps go on. All results are published at once when every view succeeded: as long "
                "as one fails, readers see the last published results of all of them.",
            .arguments = {project_argument()},
            .options = run_options(),
            .examples = {{"weir run", "the project in the current directory"},
                         {"weir run projects/recipes --lake lake --param arrival_date=2024-03-01",
                          "another lake, a parameter"},
                         {"weir run --from 2024-03-01 --to 2024-03-08", "a backfill of seven days"},
                         {"weir run --full --view difficulty_report", "one view, from all rows"},
                         {"weir run projects/learning --replay --lake replayed --out out",
                          "what was late among the sample's events: out/VIEW_on_time.csv and others"}},
            .exit_codes = {0, 1, 2, 3, 4, 5, 130},
            .run = run};
}

Command plan_command() {
    return {.name = "plan",
            .summary = "show what a run would do, and why",
            .description = "Looks at files, topics and tables; no table, no result and no file of yours is changed.",
            .arguments = {project_argument()},
            .options = interval_options(),
            .examples = {{"weir plan", "the project in the current directory"},
                         {"weir plan --interval 2024-03-01 --json", "one day, for a program"}},
            .exit_codes = {0, 1, 2, 3, 4},
            .run = plan};
}

}  // namespace weir::cli

// weir export: results as files for other programs.
#include <fmt/format.h>

#include "base/nearest.h"
#include "cli/commands/list.h"
#include "cli/project.h"
#include "cli/result.h"
#include "model/interval.h"
#include "observe/progress.h"
#include "sink/export.h"
#include "sink/value.h"

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

struct Task {
    std::string view;
    sink::Format format = sink::Format::csv;
    fs::path file;
};

// What the command line names, else what the project declares, else all of its views.
Result<std::vector<Task>> tasks_of(const Invocation& invocation, const Opened& opened) {
    const auto out = invocation.option("--out");
    std::optional<sink::Format> format;
    if (invocation.has("--format")) {
        WEIR_ASSIGN(format, sink::parse_format(invocation.option("--format")));
    }
    std::vector<Task> tasks;
    const auto add = [&](const std::string& view, sink::Format chosen) {
        tasks.push_back({view, chosen, fs::path(out) / fmt::format("{}.{}", view, sink::extension(chosen))});
    };
    const auto names = invocation.all_arguments("VIEW");
    if (out.empty() && (!names.empty() || !opened.project || opened.project->exports.empty()))
        return Error{
            .code = ErrorCode::usage,
            .message = "where should the files go?",
            .hint = "--out DIR; without it, the exports that the project declares are written to their places"};
    for (const auto& name : names) add(name, format.value_or(sink::Format::csv));
    if (!names.empty()) return tasks;
    if (!opened.project)
        return Error{
            .code = ErrorCode::usage, .message = "a bare lake has no views to choose from", .hint = "name the tables"};
    for (const auto& declared : opened.project->exports) {
        WEIR_ASSIGN(const auto own, sink::parse_format(declared.format));
        if (out.empty()) {
            tasks.push_back({declared.view, own, opened.project->root / declared.path});
        } else {
            add(declared.view, format.value_or(own));
        }
    }
    if (opened.project->exports.empty())
        for (const auto& view : opened.project->views) {
            if (view.keep != declare::View::Keep::none) add(view.name, format.value_or(sink::Format::csv));
        }
    return tasks;
}

Result<std::string> statement_of(const std::string& view, const Invocation& invocation, view::Session& session) {
    if (!invocation.has("--interval")) return fmt::format("SELECT * FROM {}", sql::quote_name(view));
    const auto day = invocation.option("--interval");
    if (!parse_day(day))
        return Error{.code = ErrorCode::usage,
                     .message = fmt::format("--interval cannot be '{}'", day),
                     .hint = "one day: 2024-03-01"};
    WEIR_ASSIGN(const auto days, session.result_days(view));
    if (std::find(days.begin(), days.end(), day) == days.end())
        return Error{.code = ErrorCode::not_found,
                     .message = fmt::format("view {} has no result for {}", view, day),
                     .hint = days.empty()
                                 ? "`keep: every_interval` in its header keeps one a day"
                                 : fmt::format("it has {} from {} to {}", days.size(), days.front(), days.back())};
    return fmt::format("SELECT * EXCLUDE ({0}) FROM history.{1} WHERE {0} = {2}", view::run_date_column,
                       sql::quote_name(view), sql::quote_text(day));
}

Result<int> run(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto opened, open_project_or_lake(invocation, terminal));
    WEIR_ASSIGN(const auto tasks, tasks_of(invocation, opened));
    WEIR_ASSIGN(auto session, open_session(opened));
    // All names are looked at before the first file is written.
    std::vector<std::string> statements;
    for (const auto& task : tasks) {
        const auto* view = opened.project ? opened.project->view(task.view) : nullptr;
        const auto names = session.names();
        const bool is_there = std::any_of(names.begin(), names.end(),
                                          [&](const auto& name) { return equal_ignoring_case(name, task.view); });
        if (!is_there && view != nullptr && view->keep == declare::View::Keep::none)
            return Error{.code = ErrorCode::not_found,
                         .message = fmt::format("view {} is computed for others and never stored", task.view),
                         .hint = "take `keep: none` out of its header"};
        if (!is_there && view != nullptr)
            return Error{.code = ErrorCode::not_found,
                         .message = fmt::format("view {} has no result yet", task.view),
                         .hint = "`weir run` computes it"};
        if (!is_there)
            return Error{.code = ErrorCode::not_found,
                         .message = fmt::format("there is no view or table '{}'", task.view),
                         .hint = suggest(task.view, names)};
        WEIR_ASSIGN(auto statement, statement_of(task.view, invocation, session));
        if (auto prepared = session.prepare(statement); !prepared) return std::move(prepared).error();
        statements.push_back(std::move(statement));
    }
    std::string json = "[";
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        const auto& task = tasks[i];
        const InterruptOnStop watch(session.connection());
        auto written = sink::export_query(session.connection(), statements[i], task.format, task.file,
                                          {opened.project && opened.project->csv_clock_with_space});
        if (!written) return std::move(written).error().within(fmt::format("exporting {}", task.view));
        if (terminal.json()) {
            json += json.size() == 1 ? "\n  {\"view\": " : ",\n  {\"view\": ";
            sink::append_json_string(task.view, json);
            json += ", \"file\": ";
            sink::append_json_string(task.file.string(), json);
            json += fmt::format(", \"rows\": {}, \"bytes\": {}}}", written->rows, written->bytes);
        } else if (!terminal.quiet()) {
            WEIR_TRY(terminal.write(fmt::format("{}: {} row{}, {}\n", task.file.string(),
                                                observe::count_text(written->rows), written->rows == 1 ? "" : "s",
                                                observe::bytes_text(static_cast<std::uint64_t>(written->bytes)))));
        }
    }
    if (terminal.json()) WEIR_TRY(terminal.write(json + (json.size() == 1 ? "]\n" : "\n]\n")));
    return 0;
}

}  // namespace

Command export_command() {
    return {.name = "export",
            .summary = "write results as CSV, JSON, NDJSON or Parquet files",
            .description =
                "Each file is called VIEW.FORMAT, and appears whole or not at all. Without VIEW, what the project "
                "declares under exports is written; where it declares none, every view.",
            .arguments = {{.name = "PROJECT",
                           .help = "the project's directory (default: the current one)",
                           .words = Words::project},
                          {.name = "VIEW", .help = "views or tables", .many = true, .words = Words::view_or_table}},
            .options = {{.name = "--format",
                         .value = "FORMAT",
                         .help = "how rows are written (default: csv, or what the project declares)",
                         .choices = {"csv", "json", "ndjson", "parquet"}},
                        {.name = "--out", .value = "DIR", .help = "where the files go", .words = Words::directory},
                        {.name = "--interval",
                         .value = "DAY",
                         .help = "the result of that day, of a view that keeps every interval"}},
            .examples = {{"weir export difficulty_report --format csv --out out", "out/difficulty_report.csv"},
                         {"weir export projects/recipes --lake lake --format parquet --out out",
                          "all that the project exports"}},
            .exit_codes = {0, 1, 2, 4, 130},
            .run = run};
}

}  // namespace weir::cli

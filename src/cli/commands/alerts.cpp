// weir alerts: what fires, and what is not to be told for a while.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/nearest.h"
#include "cli/alerts_table.h"
#include "cli/commands/list.h"
#include "cli/project.h"
#include "cli/result.h"
#include "declare/options.h"
#include "observe/alerts/alert_store.h"

namespace weir::cli {
namespace {

using observe::AlertStore;

constexpr std::string_view by_state =
    "array_position(['firing', 'pending', 'resolved', 'inactive'], state), "
    "array_position(['critical', 'warning', 'info'], severity), alert, instance";
constexpr std::string_view for_people =
    "alert, severity, CASE WHEN problem IS NULL THEN state ELSE state || ' (not looked at)' END AS state, "
    "coalesce(message, problem, '') AS message, coalesce(date_trunc('second', since)::VARCHAR, '') AS since, "
    "coalesce(date_trunc('second', silenced_until)::VARCHAR, '') AS silenced_until";

Result<int> list(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto opened, open_project_or_lake(invocation, terminal));
    const auto format = chosen_format(invocation);
    const bool history = invocation.has("--history");
    WEIR_ASSIGN(const auto store, AlertStore::look(AlertStore::file_in(opened.lake)));
    if (!store && format == "table") {
        const auto count = opened.project ? opened.project->alerts.rules.size() : 0;
        WEIR_TRY(terminal.write(
            count == 0 ? "no alerts: alerts.yaml declares them\n"
                       : fmt::format("{} alert{}, not looked at yet: `weir up` does\n", count, count == 1 ? "" : "s")));
        return 0;
    }
    WEIR_ASSIGN(auto database, sql::Database::open({.threads = 1}));
    WEIR_ASSIGN(auto connection, database.connect());
    WEIR_ASSIGN(const auto relation,
                history ? observe::alert_history_relation(opened.lake) : observe::alerts_relation(opened.lake));
    const auto statement =
        history
            ? fmt::format("SELECT {} FROM {}", format == "table" ? "* EXCLUDE (instance)" : "*", relation)
            : fmt::format("SELECT {} FROM {} ORDER BY {}", format == "table" ? for_people : "*", relation, by_state);
    WEIR_TRY(print_query(connection, statement, format, "", terminal));
    return 0;
}

// The alert that is named, of the project or, for a bare lake, of what was looked at.
Status alert_known(const Opened& opened, const std::string& name) {
    std::vector<std::string> names;
    if (opened.project) {
        for (const auto& rule : opened.project->alerts.rules) names.push_back(rule.name);
    } else {
        WEIR_ASSIGN(const auto store, AlertStore::look(AlertStore::file_in(opened.lake)));
        if (store) {
            WEIR_ASSIGN(const auto alerts, store->alerts());
            for (const auto& alert : alerts) names.push_back(alert.alert);
        }
    }
    if (std::find(names.begin(), names.end(), name) != names.end()) return ok();
    return Error{.code = ErrorCode::not_found,
                 .message = fmt::format("there is no alert '{}'", name),
                 .hint = names.empty() ? "alerts.yaml declares alerts" : suggest(name, names)};
}

Status say(Terminal& terminal, const nlohmann::ordered_json& value, const std::string& sentence) {
    return terminal.write(terminal.json() ? value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"
                                          : sentence);
}

Result<int> silence(const Invocation& invocation, Terminal& terminal) {
    const auto name = invocation.argument("NAME");
    const auto span = declare::parse_duration(invocation.option("--for"));
    if (!span || span->count() <= 0)
        return Error{.code = ErrorCode::usage,
                     .message = invocation.has("--for")
                                    ? fmt::format("'{}' is no span of time", invocation.option("--for"))
                                    : "for how long is not said",
                     .hint = "--for 2h"};
    WEIR_ASSIGN(const auto opened, open_project_or_lake(invocation, terminal));
    WEIR_TRY(alert_known(opened, name));
    WEIR_ASSIGN(auto store, AlertStore::open(AlertStore::file_in(opened.lake)));
    const auto now = SystemClock().now();
    const auto until = now + *span;
    WEIR_TRY(store.silence({.alert = name, .until = until, .reason = invocation.option("--reason")}, now));
    WEIR_TRY(say(terminal, {{"alert", name}, {"silenced_until", to_iso(until)}},
                 fmt::format("{} is silenced until {}\n", name, to_iso(until))));
    return 0;
}

Result<int> unsilence(const Invocation& invocation, Terminal& terminal) {
    const auto name = invocation.argument("NAME");
    WEIR_ASSIGN(const auto opened, open_project_or_lake(invocation, terminal));
    WEIR_TRY(alert_known(opened, name));
    WEIR_ASSIGN(auto store, AlertStore::open(AlertStore::file_in(opened.lake)));
    WEIR_ASSIGN(const bool was, store.unsilence(name));
    WEIR_TRY(say(terminal, {{"alert", name}, {"was_silenced", was}},
                 fmt::format("{} {}\n", name, was ? "is told again" : "was not silenced")));
    return 0;
}

Argument project_argument() {
    return {.name = "PROJECT",
            .help = "the project's directory (default: the current one; --lake works without a project)",
            .words = Words::project};
}

}  // namespace

std::vector<Command> alert_commands() {
    const Argument name{.name = "NAME", .help = "the alert", .required = true};
    return {
        {.name = "alerts",
         .summary = "the alerts of a project: what fires, what is pending, what is over",
         .description =
             "As `weir up` found them when it looked last. The same rows are weir.alerts and weir.alert_history in "
             "`weir sql`, and /system/alerts over HTTP.",
         .arguments = {project_argument()},
         .options = {format_option(),
                     {.name = "--history", .value = "", .help = "every change of a state instead, newest first"}},
         .examples = {{"weir alerts projects/learning", "how they are"},
                      {"weir alerts projects/learning --json", "for a program"}},
         .exit_codes = {0, 1, 2, 4},
         .run = list},
        {.name = "alerts silence",
         .summary = "do not tell of an alert for a while",
         .description =
             "Its states go on. What still fires when the silence ends is told then; that something is over is told "
             "where it was told that it began.",
         .arguments = {project_argument(), name},
         .options = {{.name = "--for", .value = "SPAN", .help = "for how long: 30m, 2h, 7d"},
                     {.name = "--reason", .value = "TEXT", .help = "why; it is kept with the silence"}},
         .examples = {{"weir alerts silence projects/learning batch_overdue --for 2h --reason maintenance",
                       "while somebody mends it"}},
         .exit_codes = {0, 1, 2, 4},
         .run = silence},
        {.name = "alerts unsilence",
         .summary = "tell of an alert again",
         .description = "Ends its silence.",
         .arguments = {project_argument(), name},
         .options = {},
         .examples = {{"weir alerts unsilence projects/learning batch_overdue", "it is mended"}},
         .exit_codes = {0, 1, 2, 4},
         .run = unsilence}};
}

}  // namespace weir::cli

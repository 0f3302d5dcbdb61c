// weir status: what is due, what ran, what is in the lake, what waits in quarantine.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "cli/commands/list.h"
#include "cli/commands/status_watch.h"
#include "cli/due.h"
#include "cli/result.h"
#include "cli/run_place.h"
#include "cli/runs_table.h"
#include "cli/watermarks_table.h"
#include "sink/rows.h"
#include "sink/value.h"

namespace weir::cli {
namespace {

struct Section {
    std::string_view key, title, sql;
    std::string_view shown;           // the columns for people
    std::string_view none;            // said where there are no rows
    std::string_view where = "true";  // the rows for people
};

constexpr Section runs{
    "runs", "Last runs",
    "SELECT run_id, min(started_at) AS started_at, max(finished_at) AS finished_at, count(*) AS steps, "
    "CASE WHEN bool_or(state = 'failed') THEN 'failed' WHEN bool_or(state = 'running') THEN 'unfinished' "
    "WHEN bool_and(state = 'unchanged') THEN 'unchanged' ELSE 'done' END AS state, "
    "coalesce(sum(rows) FILTER (state = 'done'), 0)::BIGINT AS rows, "
    "arg_min(error, started_at) FILTER (error IS NOT NULL) AS error "
    "FROM weir.runs GROUP BY run_id ORDER BY run_id DESC LIMIT 5",
    "run_id AS run, date_trunc('second', started_at) AS started, "
    "coalesce(format('{:.1f} s', date_diff('millisecond', started_at, finished_at) / 1000), '') AS took, steps, state, "
    "rows, coalesce(split_part(error, chr(10), 1), '') AS error",
    "none yet"};
constexpr Section tables{
    "tables",
    "Tables",
    "SELECT name, version, rows, files, bytes, changed_at, CASE WHEN version IS NULL THEN columns END AS problem FROM "
    "weir.tables ORDER BY name LIKE 'weir.%', name",
    "name, version, rows, files, format_bytes(bytes) AS size, date_trunc('second', changed_at) AS changed",
    "none yet",
    "version IS NOT NULL"};
constexpr Section quarantine{
    "quarantine", "Quarantine",
    "SELECT source, rule, count(*) FILTER (state = 'pending') AS pending, "
    "count(*) FILTER (state = 'replayed') AS replayed, count(*) FILTER (state = 'discarded') AS discarded "
    "FROM weir.quarantine GROUP BY source, rule ORDER BY source, rule",
    "*", "empty: no row broke its contract"};

constexpr Section watermarks{
    "watermarks", "Event time",
    "SELECT source, watermark, newest_event, partitions, idle, moved_at, late FROM weir.watermarks ORDER BY source",
    "source, date_trunc('second', watermark) AS watermark, date_trunc('second', newest_event) AS newest_event, "
    "partitions, idle, late",
    "no source says when its events happened (event_time)"};

Status print_title(std::string_view title, Terminal& terminal) {
    return terminal.write("\n" + terminal.styled(Style::bold, title) + "\n");
}

Status print_section(view::Session& session, const Section& section, Terminal& terminal) {
    const std::string sql(section.sql);
    if (auto prepared = session.prepare(sql); !prepared) return std::move(prepared).error();
    WEIR_TRY(print_title(section.title, terminal));
    WEIR_ASSIGN(const auto count, session.connection().query(fmt::format("SELECT count(*) FROM ({})", sql)));
    if (count.integer(0, 0) == 0) return terminal.write(fmt::format("{}\n", section.none));
    return print_query(session.connection(),
                       fmt::format("SELECT {} FROM ({}) WHERE {}", section.shown, sql, section.where), "table", "",
                       terminal);
}

// The tables that nothing can be told of, and why.
Status print_problems(view::Session& session, Terminal& terminal) {
    WEIR_ASSIGN(const auto rows, session.connection().query(fmt::format(
                                     "SELECT name, problem FROM ({}) WHERE problem IS NOT NULL", tables.sql)));
    for (std::size_t row = 0; row < rows.row_count(); ++row)
        WEIR_TRY(terminal.write(fmt::format("{}: {}\n", rows.text(row, 0), rows.text(row, 1))));
    return ok();
}

Result<std::string> section_json(view::Session& session, const Section& section) {
    const std::string sql(section.sql);
    if (auto prepared = session.prepare(sql); !prepared) return std::move(prepared).error();
    auto json = fmt::format(",\n\"{}\": ", section.key);
    auto rows = sink::write_rows(session.connection(), sql, sink::Format::json, [&](std::string_view bytes) {
        json += bytes;
        return ok();
    });
    if (!rows) return std::move(rows).error();
    json.pop_back();
    return json;
}

Result<orchestrate::Plan> plan_of(RunPlace& place) {
    observe::NoObserver nobody;
    return orchestrate::plan(place.workplace(nobody), place.ledger(), {});
}

// What is due is one answer among several: where it cannot be told, the others still are.
Result<int> run(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(auto opened, open_project_or_lake(invocation, terminal));
    std::error_code error;
    if (!std::filesystem::is_directory(opened.lake, error)) {
        WEIR_TRY(terminal.write(terminal.json()
                                    ? "{}\n"
                                    : fmt::format("{}: nothing yet; `weir plan` shows what is due, `weir run` "
                                                  "does it\n",
                                                  opened.lake.string())));
        return 0;
    }
    WEIR_ASSIGN(auto session, open_session(opened));
    provide_runs(session, opened.lake);
    std::unique_ptr<RunPlace> place;
    std::optional<Result<orchestrate::Plan>> plan;
    if (opened.project) {
        auto made = RunPlace::open(std::move(*opened.project), terminal, view::Access::look);
        if (made) place = std::move(*made);
        plan = place ? plan_of(*place) : Result<orchestrate::Plan>(std::move(made).error());
    }
    provide_watermarks(session, opened.lake, place ? &place->project() : nullptr);
    if (invocation.has("--watch")) {
        if (!place) return plan->error();
        return watch_status(*place, terminal);
    }
    if (terminal.json()) {
        std::string json = "{\"lake\": ";
        sink::append_json_string(opened.lake.string(), json);
        for (const auto& section : {runs, tables, quarantine, watermarks}) {
            WEIR_ASSIGN(const auto rows, section_json(session, section));
            json += rows;
        }
        if (plan) {
            json += ",\n\"due\": ";
            json += *plan ? to_json_value(**plan).dump(2, ' ', false, nlohmann::json::error_handler_t::replace)
                          : fmt::format("{{\"error\": {}}}", to_json(plan->error()));
        }
        WEIR_TRY(terminal.write(json + "}\n"));
        return 0;
    }
    WEIR_TRY(terminal.write(fmt::format("Lake {}\n", opened.lake.string())));
    if (plan) {
        WEIR_TRY(print_title("Due", terminal));
        if (*plan) {
            WEIR_TRY(print_due(**plan, terminal));
        } else {
            WEIR_TRY(terminal.write("not known: " + plan->error().message + "\n"));
        }
    }
    const bool tells_time = place && std::any_of(place->project().sources.begin(), place->project().sources.end(),
                                                 [](const auto& source) { return source.event_time.has_value(); });
    if (tells_time) WEIR_TRY(print_section(session, watermarks, terminal));
    for (const auto& section : {runs, quarantine, tables}) WEIR_TRY(print_section(session, section, terminal));
    WEIR_TRY(print_problems(session, terminal));
    return 0;
}

}  // namespace

Command status_command() {
    return {
        .name = "status",
        .summary = "what is due, the last runs, the tables, and what waits in quarantine",
        .description =
            "With --json: {lake, runs, tables, quarantine, watermarks, due}; due is what `weir plan --json` prints, "
            "and is left "
            "out for a bare lake.",
        .arguments = {{.name = "PROJECT",
                       .help = "the project's directory (default: the current one)",
                       .words = Words::project}},
        .options = {{.name = "--watch",
                     .value = "",
                     .help =
                         "look once a second until told to stop: lag, rates, watermarks, late rows, epochs, states, "
                         "the last verdict"}},
        .examples = {{"weir status", "the project in the current directory"},
                     {"weir status --lake /srv/lake --json", "for a monitor"},
                     {"timeout 3 weir status --watch || true", "while weir up runs, for three seconds"}},
        .exit_codes = {0, 1, 2, 4},
        .run = run};
}

}  // namespace weir::cli

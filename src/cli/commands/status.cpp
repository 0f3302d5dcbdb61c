// weir status: what ran, what is in the lake, what waits in quarantine.
#include <fmt/format.h>

#include <array>

#include "cli/commands/list.h"
#include "cli/project.h"
#include "cli/result.h"
#include "cli/runs_table.h"
#include "sink/rows.h"
#include "sink/value.h"

namespace weir::cli {
namespace {

struct Section {
    std::string_view key, title, sql;
};

constexpr std::array sections{
    Section{"runs", "Last runs",
            "SELECT run_id, min(started_at) AS started_at, max(finished_at) AS finished_at, count(*) AS steps, "
            "CASE WHEN bool_or(state = 'failed') THEN 'failed' WHEN bool_or(state = 'running') THEN 'unfinished' "
            "WHEN bool_and(state = 'unchanged') THEN 'unchanged' ELSE 'done' END AS state, "
            "coalesce(sum(rows) FILTER (state = 'done'), 0)::BIGINT AS rows, "
            "arg_min(error, started_at) FILTER (error IS NOT NULL) AS error "
            "FROM weir.runs GROUP BY run_id ORDER BY run_id DESC LIMIT 5"},
    Section{"tables", "Tables",
            "SELECT name, version, rows, files, bytes, changed_at FROM weir.tables ORDER BY name LIKE 'weir.%', name"},
    Section{"quarantine", "Quarantine",
            "SELECT source, rule, count(*) FILTER (state = 'pending') AS pending, "
            "count(*) FILTER (state = 'replayed') AS replayed, count(*) FILTER (state = 'discarded') AS discarded "
            "FROM weir.quarantine GROUP BY source, rule ORDER BY source, rule"},
};

Result<int> run(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto opened, open_project_or_lake(invocation, terminal));
    std::error_code error;
    if (!std::filesystem::is_directory(opened.lake, error)) {
        WEIR_TRY(terminal.write(
            terminal.json() ? "{}\n" : fmt::format("{}: nothing yet; `weir run` makes it\n", opened.lake.string())));
        return 0;
    }
    WEIR_ASSIGN(auto session, open_session(opened));
    provide_runs(session, opened.lake);
    std::string json = "{\"lake\": ";
    sink::append_json_string(opened.lake.string(), json);
    if (!terminal.json()) WEIR_TRY(terminal.write(fmt::format("Lake {}\n", opened.lake.string())));
    for (const auto& section : sections) {
        const std::string sql(section.sql);
        if (auto prepared = session.prepare(sql); !prepared) return std::move(prepared).error();
        if (terminal.json()) {
            json += fmt::format(",\n\"{}\": ", section.key);
            auto rows = sink::write_rows(session.connection(), sql, sink::Format::json, [&](std::string_view bytes) {
                json += bytes;
                return ok();
            });
            if (!rows) return std::move(rows).error();
            json.pop_back();
        } else {
            WEIR_TRY(terminal.write("\n" + terminal.styled(Style::bold, section.title) + "\n"));
            WEIR_TRY(print_query(session.connection(), sql, "table", "", terminal));
        }
    }
    if (terminal.json()) WEIR_TRY(terminal.write(json + "}\n"));
    return 0;
}

}  // namespace

Command status_command() {
    return {.name = "status",
            .summary = "the last runs, the tables, and what waits in quarantine",
            .description = "",
            .arguments = {{.name = "PROJECT",
                           .help = "the project's directory (default: the current one)",
                           .words = Words::project}},
            .options = {},
            .examples = {{"weir status", "the project in the current directory"},
                         {"weir status --lake /srv/lake --json", "for a monitor"}},
            .exit_codes = {0, 1, 2, 4},
            .run = run};
}

}  // namespace weir::cli

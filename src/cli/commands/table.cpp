// weir table: what a Delta table is, what happened to it, and its maintenance. Works on any Delta table by its path.
#include <fmt/format.h>

#include <charconv>

#include "base/nearest.h"
#include "cli/as_of.h"
#include "cli/commands/list.h"
#include "cli/project.h"
#include "cli/result.h"
#include "cli/table.h"
#include "lake/log/paths.h"
#include "lake/maintain/checkpoint.h"
#include "lake/maintain/history.h"
#include "lake/maintain/optimize.h"
#include "lake/maintain/restore.h"
#include "lake/maintain/vacuum.h"
#include "lake/table.h"
#include "observe/progress.h"
#include "orchestrate/intake/landing.h"
#include "sink/value.h"
#include "view/publication.h"

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

// A database, and the table that the command line names.
struct Named {
    std::unique_ptr<sql::Database> database;
    std::optional<lake::Table> table;
    std::string name;
};

// A word with a slash, or a directory with a _delta_log, is a path; anything else a table of the lake.
Result<Named> named_table(const Invocation& invocation, Terminal& terminal) {
    Named named;
    named.name = invocation.argument("TABLE");
    std::string location = named.name;
    sql::DatabaseOptions options;
    std::error_code error;
    const bool is_path =
        named.name.find('/') != std::string::npos || fs::is_directory(fs::path(named.name) / "_delta_log", error);
    if (!is_path) {
        WEIR_ASSIGN(const auto opened, open_project_or_lake(invocation, terminal));
        const bool is_system = named.name.starts_with("weir.");
        const auto folder = is_system ? opened.lake / "weir" : opened.lake;
        const auto name = is_system ? named.name.substr(5) : named.name;
        const auto names = view::tables_in(folder);
        if (std::find(names.begin(), names.end(), name) == names.end())
            return Error{.code = ErrorCode::not_found,
                         .message = fmt::format("there is no table '{}' in {}", named.name, opened.lake.string()),
                         .hint = suggest(name, names)};
        location = (folder / name).string();
        if (opened.project) {
            options.memory_limit = opened.project->engine.memory;
            options.threads = opened.project->engine.threads;
            if (auto spill = sql::SpillFolder::make(view::spill_root(opened.lake))) options.spill = std::move(*spill);
        }
    }
    WEIR_ASSIGN(auto database, sql::Database::open(std::move(options)));
    named.database = std::make_unique<sql::Database>(std::move(database));
    WEIR_ASSIGN(named.table, lake::Table::at(location, *named.database));
    return named;
}

// One JSON object, key by key; `raw` values are JSON already.
class JsonObject {
public:
    JsonObject& text(std::string_view key, std::string_view value) {
        begin(key);
        sink::append_json_string(value, text_);
        return *this;
    }
    JsonObject& raw(std::string_view key, std::string_view json) {
        begin(key);
        text_ += json;
        return *this;
    }
    template <class Number>
    JsonObject& number(std::string_view key, Number value) {
        return raw(key, fmt::format("{}", value));
    }
    template <class Number>
    JsonObject& number(std::string_view key, const std::optional<Number>& value) {
        return value ? number(key, *value) : raw(key, "null");
    }
    std::string finish() const { return text_ + "}"; }

private:
    std::string text_ = "{";
    void begin(std::string_view key) {
        if (text_.size() > 1) text_ += ", ";
        sink::append_json_string(key, text_);
        text_ += ": ";
    }
};

std::optional<std::int64_t> number_of(const std::optional<lake::TableVersion>& version) {
    return version ? std::optional(version->get()) : std::nullopt;
}

template <class Map>
std::string json_of(const Map& map) {
    JsonObject object;
    for (const auto& [key, value] : map) {
        if constexpr (std::is_arithmetic_v<std::decay_t<decltype(value)>>) {
            object.number(key, value);
        } else {
            object.text(key, value);
        }
    }
    return object.finish();
}

std::string joined(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ", ")); }

std::string size_text(std::int64_t bytes) { return observe::bytes_text(static_cast<std::uint64_t>(bytes)); }

Result<int> list(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto opened, open_project_or_lake(invocation, terminal));
    WEIR_ASSIGN(auto session, open_session(opened));
    const std::string statement =
        "SELECT name, version, rows, files, bytes, partition_columns, changed_at FROM weir.tables "
        "ORDER BY name LIKE 'weir.%', name";
    if (auto prepared = session.prepare(statement); !prepared) return std::move(prepared).error();
    WEIR_TRY(print_query(session.connection(), statement, chosen_format(invocation), "", terminal));
    return 0;
}

Result<int> show(const Invocation& invocation, Terminal& terminal) {
    lake::At at = lake::Newest{};
    if (invocation.has("--as-of")) {
        WEIR_ASSIGN(at, parse_as_of(invocation.option("--as-of")));
    }
    WEIR_ASSIGN(const auto named, named_table(invocation, terminal));
    WEIR_ASSIGN(const auto summary, lake::summarize(*named.table, at));
    if (terminal.json()) {
        std::string columns = "[";
        for (const auto& field : summary.schema.fields)
            columns += (columns.size() == 1 ? "" : ", ") + JsonObject()
                                                               .text("name", field.name)
                                                               .text("type", weir::to_string(field.type))
                                                               .raw("nullable", field.nullable ? "true" : "false")
                                                               .finish();
        std::string partitions = "[";
        for (const auto& name : summary.partition_columns) {
            if (partitions.size() > 1) partitions += ", ";
            sink::append_json_string(name, partitions);
        }
        const auto json = JsonObject()
                              .text("location", summary.location)
                              .number("version", summary.version.get())
                              .raw("time", summary.time ? "\"" + to_iso(*summary.time) + "\"" : "null")
                              .number("rows", summary.rows)
                              .number("files", summary.files)
                              .number("bytes", summary.bytes)
                              .number("removed_files", summary.removed_files)
                              .number("checkpoint", number_of(summary.checkpoint))
                              .number("min_reader", summary.protocol.min_reader)
                              .number("min_writer", summary.protocol.min_writer)
                              .raw("partition_columns", partitions + "]")
                              .raw("columns", columns + "]")
                              .raw("properties", json_of(summary.properties))
                              .raw("transactions", json_of(summary.transactions))
                              .finish();
        WEIR_TRY(terminal.write(json + "\n"));
        return 0;
    }
    std::string text;
    const auto line = [&](std::string_view key, const std::string& value) {
        if (!value.empty()) text += fmt::format("{:<16}{}\n", key, value);
    };
    line("location", summary.location);
    line("version", fmt::format("{}{}", summary.version.get(), summary.time ? " of " + to_iso(*summary.time) : ""));
    line("rows", summary.rows ? std::to_string(*summary.rows) : "not in the log");
    line("files", fmt::format("{}, {}", summary.files, size_text(summary.bytes)));
    line("removed files", summary.removed_files == 0 ? "" : std::to_string(summary.removed_files));
    line("checkpoint", summary.checkpoint ? std::to_string(summary.checkpoint->get()) : "none");
    line("protocol", fmt::format("reader {}, writer {}", summary.protocol.min_reader, summary.protocol.min_writer));
    auto features = summary.protocol.writer_features;
    line("features", joined(features));
    line("partitioned by", joined(summary.partition_columns));
    for (const auto& [key, value] : summary.properties) line("property", fmt::format("{} = {}", key, value));
    for (const auto& [key, value] : summary.transactions) line("transaction", fmt::format("{} = {}", key, value));
    WEIR_TRY(terminal.write(text + "\n"));
    Table table(terminal, {{.name = "column"}, {.name = "type"}, {.name = "null"}});
    for (const auto& field : summary.schema.fields)
        WEIR_TRY(table.add({field.name, weir::to_string(field.type), field.nullable ? "yes" : "no"}));
    WEIR_TRY(table.end());
    return 0;
}

Result<std::size_t> parse_limit(const Invocation& invocation) {
    const auto text = invocation.option("--limit", "20");
    std::size_t limit = 0;
    const auto done = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (done.ec != std::errc{} || done.ptr != text.data() + text.size())
        return Error{.code = ErrorCode::usage,
                     .message = fmt::format("--limit cannot be '{}'", text),
                     .hint = "a number of commits; 0: all"};
    return limit;
}

Result<int> history(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto limit, parse_limit(invocation));
    WEIR_ASSIGN(const auto named, named_table(invocation, terminal));
    WEIR_ASSIGN(const auto entries, lake::history(*named.table, limit));
    if (terminal.json()) {
        std::string json = "[";
        for (const auto& entry : entries)
            json += (json.size() == 1 ? "\n" : ",\n") +
                    JsonObject()
                        .number("version", entry.version.get())
                        .text("time", to_iso(entry.time))
                        .text("operation", entry.operation)
                        .raw("parameters", entry.parameters.empty() ? "{}" : entry.parameters)
                        .raw("metrics", json_of(entry.metrics))
                        .text("engine", entry.engine)
                        .finish();
        WEIR_TRY(terminal.write(json + (json.size() == 1 ? "]\n" : "\n]\n")));
        return 0;
    }
    Table table(terminal, {{.name = "version", .right = true},
                           {.name = "time"},
                           {.name = "operation"},
                           {.name = "metrics"},
                           {.name = "engine"}});
    for (const auto& entry : entries) {
        std::vector<std::string> metrics;
        for (const auto& [key, value] : entry.metrics) metrics.push_back(fmt::format("{}={}", key, value));
        WEIR_TRY(table.add(
            {std::to_string(entry.version.get()), to_iso(entry.time), entry.operation, joined(metrics), entry.engine}));
    }
    WEIR_TRY(table.end());
    return 0;
}

// One sentence, or the object with --json.
Result<int> tell(Terminal& terminal, const JsonObject& json, const std::string& sentence) {
    WEIR_TRY(terminal.write((terminal.json() ? json.finish() : sentence) + "\n"));
    return 0;
}

Result<int> checkpoint(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto named, named_table(invocation, terminal));
    WEIR_ASSIGN(const auto done, lake::write_checkpoint(*named.table));
    return tell(
        terminal,
        JsonObject().number("version", done.version.get()).number("actions", done.actions).number("bytes", done.bytes),
        fmt::format("checkpoint of version {}: {} actions, {}", done.version.get(), done.actions,
                    size_text(done.bytes)));
}

Result<int> optimize(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto named, named_table(invocation, terminal));
    WEIR_ASSIGN(const auto done, lake::optimize(*named.table));
    const JsonObject json = JsonObject()
                                .number("version", number_of(done.version))
                                .number("files_removed", done.files_removed)
                                .number("files_added", done.files_added)
                                .number("bytes_removed", done.bytes_removed)
                                .number("bytes_added", done.bytes_added)
                                .number("rows", done.rows)
                                .text("gave_up_because", done.gave_up_because);
    if (!done.version)
        return tell(terminal, json,
                    done.gave_up_because.empty()
                        ? "nothing to do: no small files lie together in one partition"
                        : fmt::format("nothing was changed: {}; try again later", done.gave_up_because));
    return tell(terminal, json,
                fmt::format("version {}: {} files ({}) became {} ({})", done.version->get(), done.files_removed,
                            size_text(done.bytes_removed), done.files_added, size_text(done.bytes_added)));
}

Result<std::int64_t> parse_hours(const std::string& text) {
    std::int64_t hours = 0;
    const auto done = std::from_chars(text.data(), text.data() + text.size(), hours);
    // A thousand years: far enough from an overflow.
    if (done.ec != std::errc{} || done.ptr != text.data() + text.size() || hours < 0 || hours > 8'766'000)
        return Error{.code = ErrorCode::usage,
                     .message = fmt::format("--retain-hours cannot be '{}'", text),
                     .hint = "a whole number of hours, for example 168 for a week"};
    return hours;
}

// What vacuum must leave for the sake of the lake around a table, which may also stand alone.
struct Around {
    std::set<std::string> spare;  // files that the next run commits, or that readers of a published version see
    std::optional<lake::TableVersion> log_from;  // the oldest commit of the table that is still read

    void keep_log_from(lake::TableVersion version) { log_from = std::min(version, log_from.value_or(version)); }
};

// Readers see a view's published version, which is not the newest where a run failed since.
Status spare_published(const lake::Lake& lake, sql::Database& database, const lake::Table& table,
                       const std::string& name, Around& around) {
    WEIR_ASSIGN(const auto publication, view::newest_publication(lake, database));
    const auto published = publication.views.find(name);
    if (published == publication.views.end()) return ok();
    WEIR_ASSIGN(const auto newest, table.snapshot());
    const lake::TableVersion version(published->second.table_version);
    if (newest.metadata().id != published->second.table_id || newest.version() == version) return ok();
    WEIR_ASSIGN(const auto served, table.snapshot(version));
    for (const auto& file : served.files()) around.spare.insert(lake::uri_decode(file.path));
    around.keep_log_from(version);
    return ok();
}

Result<Around> around_table(const Named& named) {
    const fs::path folder = named.table->name();
    const bool system = folder.parent_path().filename() == "weir";
    const auto root = system ? folder.parent_path().parent_path() : folder.parent_path();
    Around around;
    if (!lake::is_table(root / "weir" / "accounting")) return around;
    WEIR_ASSIGN(const auto lake, lake::Lake::open(root.string(), *named.database));
    WEIR_ASSIGN(const auto open, orchestrate::open_landings(lake));
    const auto name = folder.lexically_relative(root).generic_string();
    if (const auto landed = open.tables.find(name); landed != open.tables.end()) around.keep_log_from(landed->second);
    if (const auto files = open.files.find(name); files != open.files.end()) around.spare = files->second;
    WEIR_TRY(spare_published(lake, *named.database, *named.table, name, around));
    return around;
}

Result<int> vacuum(const Invocation& invocation, Terminal& terminal) {
    lake::VacuumOptions options{.dry_run = !invocation.has("--apply"),
                                .below_retention = invocation.has("--below-retention")};
    if (invocation.has("--retain-hours")) {
        WEIR_ASSIGN(const auto hours, parse_hours(invocation.option("--retain-hours")));
        options.retention_ms = hours * 3'600'000;
    }
    WEIR_ASSIGN(const auto named, named_table(invocation, terminal));
    WEIR_ASSIGN(const auto open, around_table(named));
    options.spare = open.spare;
    WEIR_ASSIGN(const auto done, lake::vacuum(*named.table, options));
    WEIR_ASSIGN(const auto log,
                lake::clean_up_log(*named.table, {.dry_run = options.dry_run, .needed_from = open.log_from}));
    if (terminal.json()) {
        std::string files = "[";
        for (const auto& file : done.files)
            files += (files.size() == 1 ? "" : ", ") + JsonObject()
                                                           .text("path", file.path)
                                                           .number("bytes", file.bytes)
                                                           .text("modified", to_iso(file.modified))
                                                           .finish();
        return tell(terminal,
                    JsonObject()
                        .raw("dry_run", done.dry_run ? "true" : "false")
                        .number("retention_ms", done.retention_ms)
                        .number("bytes", done.bytes)
                        .number("kept", done.kept)
                        .number("log_files", log.files.size())
                        .raw("files", files + "]"),
                    "");
    }
    std::string text;
    if (!terminal.quiet())
        for (const auto& file : done.files) text += file.path + "\n";
    const auto count = done.files.size();
    text += fmt::format("{} file{} ({}) and {} log file{} {}", count, count == 1 ? "" : "s", size_text(done.bytes),
                        log.files.size(), log.files.size() == 1 ? "" : "s",
                        done.dry_run ? "would be removed; --apply does it" : "removed");
    WEIR_TRY(terminal.write(text + "\n"));
    return 0;
}

Result<int> restore(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto at, parse_as_of(invocation.argument("VERSION|TIME")));
    WEIR_ASSIGN(const auto named, named_table(invocation, terminal));
    WEIR_ASSIGN(const auto done, lake::restore(*named.table, at));
    return tell(terminal,
                JsonObject()
                    .number("version", number_of(done.version))
                    .number("restored", done.restored.get())
                    .number("files_added", done.files_added)
                    .number("files_removed", done.files_removed),
                done.version
                    ? fmt::format("version {} has the content of version {}: {} files back, {} taken away",
                                  done.version->get(), done.restored.get(), done.files_added, done.files_removed)
                    : fmt::format("nothing to do: the table is as it was in version {}", done.restored.get()));
}

std::vector<Argument> one_table() {
    return {{.name = "PROJECT", .help = "the project's directory (default: the current one)", .words = Words::project},
            {.name = "TABLE",
             .help = "a table of the lake (weir.NAME for a system table), or the path of any Delta table",
             .required = true,
             .words = Words::table}};
}

}  // namespace

std::vector<Command> table_commands() {
    auto restore_arguments = one_table();
    restore_arguments.push_back(
        {.name = "VERSION|TIME", .help = "a version number, 2024-03-01 or 2024-03-01T10:00:00Z", .required = true});
    return {
        {.name = "table ls",
         .summary = "the tables of the lake",
         .description = "",
         .arguments = {{.name = "PROJECT",
                        .help = "the project's directory (default: the current one)",
                        .words = Words::project}},
         .options = {format_option()},
         .examples = {{"weir table ls", "names, versions, rows, sizes"}},
         .exit_codes = {0, 1, 2, 4},
         .run = list},
        {.name = "table show",
         .summary = "a table's columns, size, protocol and properties",
         .description = "",
         .arguments = one_table(),
         .options = {{.name = "--as-of", .value = "VERSION|TIME", .help = "the table as it was"}},
         .examples = {{"weir table show recipe_changes", "a table of the lake"},
                      {"weir table show /data/other/table --json", "any Delta table"}},
         .exit_codes = {0, 1, 2, 4},
         .run = show},
        {.name = "table history",
         .summary = "the commits of a table, newest first",
         .description = "",
         .arguments = one_table(),
         .options = {{.name = "--limit", .value = "N", .help = "at most so many (default 20; 0: all)"}},
         .examples = {{"weir table history recipe_changes", "what happened to it"}},
         .exit_codes = {0, 1, 2, 4},
         .run = history},
        {.name = "table checkpoint",
         .summary = "write the state of the newest version in one file, so that opening stays fast",
         .description = "Every tenth commit does this by itself.",
         .arguments = one_table(),
         .options = {},
         .examples = {{"weir table checkpoint recipe_changes", "after many commits of another writer"}},
         .exit_codes = {0, 1, 2, 4},
         .run = checkpoint},
        {.name = "table optimize",
         .summary = "make few large files of many small ones; the rows stay the same",
         .description = "Runs beside writers and never makes them fail.",
         .arguments = one_table(),
         .options = {},
         .examples = {{"weir table optimize recipe_changes", "when it has thousands of small files"}},
         .exit_codes = {0, 1, 2, 4},
         .run = optimize},
        {.name = "table vacuum",
         .summary = "show, and with --apply remove, files that no readable version needs",
         .description =
             "Versions older than the retention cannot be read or restored afterwards. Half-written files of the log "
             "and empty staging folders that killed processes left go too; what a run that was cut off has still to "
             "commit stays, and the published version of a view that newer runs failed to replace.",
         .arguments = one_table(),
         .options = {{.name = "--apply", .value = "", .help = "remove them; without it they are only shown"},
                     {.name = "--retain-hours",
                      .value = "HOURS",
                      .help = "keep what was removed since (default: the table's own retention, a week)"},
                     {.name = "--below-retention",
                      .value = "",
                      .help = "allow less than the table's retention; running readers and writers may fail"}},
         .examples = {{"weir table vacuum recipe_changes", "what could go"},
                      {"weir table vacuum recipe_changes --apply", "remove it"}},
         .exit_codes = {0, 1, 2, 4},
         .run = vacuum},
        {.name = "table restore",
         .summary = "make a new version with the content of an earlier one",
         .description = "Nothing is lost: the versions in between stay readable until vacuum.",
         .arguments = std::move(restore_arguments),
         .options = {},
         .examples = {{"weir table restore recipe_changes 1", "undo everything after version 1"}},
         .exit_codes = {0, 1, 2, 4},
         .run = restore},
    };
}

}  // namespace weir::cli

#include "view/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/nearest.h"
#include "lake/lake.h"
#include "lake/log/paths.h"
#include "lake/maintain/restore.h"
#include "lake/read/file_facts.h"
#include "lake/read/scan.h"
#include "lake/store/local_store.h"
#include "lake/table.h"
#include "model/system_tables.h"
#include "view/own_functions.h"
#include "view/split/macros.h"

namespace weir::view {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view run_date_app_prefix = "run_date=";

std::string full_name(std::string_view schema, std::string_view name) {
    return fmt::format("{}.{}", sql::quote_name(schema), sql::quote_name(name));
}

void collect_base_tables(const nlohmann::json& node, std::vector<TableName>& names) {
    if (node.is_object()) {
        const auto type = node.find("type");
        if (type != node.end() && *type == "BASE_TABLE" && node.contains("table_name")) {
            TableName name{node.value("schema_name", ""), node.value("table_name", "")};
            if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
        }
    }
    if (node.is_structured())
        for (const auto& child : node) collect_base_tables(child, names);
}

// The name in DuckDB's "Table with name X does not exist!".
std::optional<std::string> missing_table(const std::string& message) {
    constexpr std::string_view before = "Table with name ";
    constexpr std::string_view after = " does not exist";
    const auto begin = message.find(before);
    if (begin == std::string::npos) return std::nullopt;
    const auto end = message.find(after, begin);
    if (end == std::string::npos) return std::nullopt;
    return message.substr(begin + before.size(), end - begin - before.size());
}

std::string empty_select(const Schema& schema) {
    std::string columns;
    for (const auto& field : schema.fields)
        columns += fmt::format("{}NULL::{} AS {}", columns.empty() ? "" : ", ", to_duckdb(field.type),
                               sql::quote_name(field.name));
    return fmt::format("SELECT {} WHERE false", columns);
}

std::string columns_text(const Schema& schema) {
    std::string text;
    for (const auto& field : schema.fields)
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", field.name, weir::to_string(field.type));
    return text;
}

}  // namespace

std::vector<std::string> tables_in(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        if (lake::is_table(entry->path())) names.push_back(entry->path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::set<std::string> run_dates(const lake::Snapshot& snapshot) {
    std::set<std::string> days;
    for (const auto& file : snapshot.files()) {
        const auto value = file.partition_values.find(std::string(run_date_column));
        if (value != file.partition_values.end() && value->second) days.insert(*value->second);
    }
    for (const auto& [app_id, transaction] : snapshot.transactions())
        if (app_id.starts_with(run_date_app_prefix)) days.insert(app_id.substr(run_date_app_prefix.size()));
    return days;
}

Result<std::optional<std::vector<TableName>>> named_tables(sql::Connection& connection, const std::string& statement) {
    WEIR_ASSIGN(const auto rows,
                connection.query(fmt::format("SELECT json_serialize_sql({})::VARCHAR", sql::quote_text(statement))));
    const auto tree = nlohmann::json::parse(rows.text(0, 0), nullptr, false);
    if (!tree.is_object() || tree.value("error", true)) return std::optional<std::vector<TableName>>{};
    std::vector<TableName> names;
    collect_base_tables(tree, names);
    return std::optional(std::move(names));
}

fs::path spill_root(const fs::path& lake) { return lake / ".weir" / "tmp"; }

Result<Session> Session::open(const SessionOptions& options) {
    std::error_code error;
    if (!fs::is_directory(options.lake, error)) {
        return Error{.code = ErrorCode::not_found,
                     .message = fmt::format("there is no lake at {}", options.lake.string()),
                     .hint = "`weir run` makes it; or name another place with --lake"};
    }
    Session session;
    session.lake_ = options.lake;
    session.as_of_ = options.as_of;
    sql::DatabaseOptions database_options;
    // Who may only read this lake reads without spilling.
    if (auto spill = sql::SpillFolder::make(spill_root(options.lake))) database_options.spill = std::move(*spill);
    if (options.project != nullptr) {
        database_options.memory_limit = options.project->engine.memory;
        database_options.threads = options.project->engine.threads;
    }
    WEIR_ASSIGN(auto database, sql::Database::open(std::move(database_options)));
    session.database_ = std::make_unique<sql::Database>(std::move(database));
    WEIR_ASSIGN(auto connection, session.database_->connect());
    session.connection_ = std::make_unique<sql::Connection>(std::move(connection));
    WEIR_TRY(session.connection_->run("CREATE SCHEMA weir; CREATE SCHEMA history"));
    session.find_tables(options.project);
    if (options.live) {
        if (options.project == nullptr)
            return Error{.code = ErrorCode::usage,
                         .message = "views are read live by their texts, and there is no project here",
                         .hint = "name the project, or leave out --live"};
        WEIR_TRY(add_own_functions(*session.connection_));
        WEIR_ASSIGN(auto lake, lake::Lake::open(options.lake.string(), *session.database_));
        session.live_lake_ = std::make_unique<lake::Lake>(std::move(lake));
        static const SystemClock clock;
        WEIR_ASSIGN(session.live_, LiveViews::open(*session.live_lake_, *session.database_, *options.project, clock));
        session.find_live_views(*options.project);
    }
    if (options.project != nullptr && !options.project->macros.empty()) {
        auto created = session.connection_->run(options.project->macros);
        if (!created && missing_table(created.error().message)) {
            // DuckDB binds a macro when it is created: the tables that it reads have to be open.
            WEIR_TRY(session.open_all());
            WEIR_TRY(make_macros(*session.connection_, options.project->macros));
            created = ok();
        }
        if (!created) return std::move(created).error().within("running macros.sql");
    }
    return session;
}

void Session::find_tables(const declare::Project* project) {
    using Kind = Entry::Kind;
    for (const auto& name : tables_in(lake_)) {
        if (name == "weir" || name.starts_with(".")) continue;
        const auto path = lake_ / name;
        const auto* view = project == nullptr ? nullptr : project->view(name);
        const bool of_source =
            project != nullptr && std::any_of(project->sources.begin(), project->sources.end(),
                                              [&](const auto& source) { return source.table == name; });
        const bool unsure = view == nullptr && !of_source;
        const bool kept = view != nullptr && view->keep == declare::View::Keep::every_interval;
        entries_.push_back({.schema = "main",
                            .name = name,
                            .path = path,
                            .kind = kept ? Kind::latest : Kind::table,
                            .is_view = view != nullptr,
                            .unsure = unsure});
        if (kept || unsure)
            entries_.push_back({.schema = "history",
                                .name = name,
                                .path = path,
                                .kind = Kind::history,
                                .is_view = view != nullptr,
                                .unsure = unsure});
    }
    for (const auto& table : system_tables()) {
        const auto path = lake_ / "weir" / table.name;
        const bool stored = table.stored && lake::is_table(path);
        entries_.push_back({.schema = "weir",
                            .name = std::string(table.name),
                            .path = stored ? path : fs::path(),
                            .kind = !table.stored                ? Kind::computed
                                    : !stored                    ? Kind::empty
                                    : table.name == "quarantine" ? Kind::quarantine
                                                                 : Kind::table});
    }
}

void Session::find_live_views(const declare::Project& project) {
    for (const auto& view : project.views) {
        if (view.keep == declare::View::Keep::none) continue;
        if (auto* entry = find("main", view.name); entry != nullptr)
            entry->kind = Entry::Kind::live;
        else
            entries_.push_back({.schema = "main", .name = view.name, .path = {}, .kind = Entry::Kind::live});
    }
}

Status Session::open_live(const std::vector<TableName>& names) {
    std::set<std::string> views;
    for (auto& entry : entries_) {
        // Tables too are read as of the new moment.
        if (entry.schema == "main") entry.open = false;
        if (entry.kind != Entry::Kind::live) continue;
        for (const auto& name : names)
            if ((name.schema.empty() || equal_ignoring_case(name.schema, "main")) &&
                equal_ignoring_case(name.name, entry.name))
                views.insert(entry.name);
    }
    WEIR_ASSIGN(moment_, live_->read(views));
    for (const auto& [name, view] : moment_->views)
        WEIR_TRY(connection_->run(
            fmt::format("CREATE OR REPLACE VIEW {} AS FROM {}", full_name("main", name), view.table->relation())));
    return ok();
}

std::vector<std::string> Session::names() const {
    std::vector<std::string> names;
    for (const auto& entry : entries_)
        if (!entry.unsure || entry.kind != Entry::Kind::history)
            names.push_back(entry.schema == "main" ? entry.name : fmt::format("{}.{}", entry.schema, entry.name));
    return names;
}

Session::Entry* Session::find(std::string_view schema, std::string_view name) {
    const auto wanted = schema.empty() ? std::string_view("main") : schema;
    for (auto& entry : entries_)
        if (equal_ignoring_case(entry.schema, wanted) && equal_ignoring_case(entry.name, name)) return &entry;
    return nullptr;
}

Result<std::vector<std::string>> Session::result_days(const std::string& view) {
    const auto* entry = find("history", view);
    if (entry == nullptr) return std::vector<std::string>{};
    WEIR_ASSIGN(const auto snapshot, snapshot_of(*entry));
    const auto days = run_dates(snapshot);
    return std::vector<std::string>(days.begin(), days.end());
}

void Session::provide(std::string_view system_table, Fill fill) { fills_[std::string(system_table)] = std::move(fill); }

Status Session::open_entry(Entry& entry) {
    if (entry.open || entry.kind == Entry::Kind::live) return ok();
    const bool is_computed = entry.kind == Entry::Kind::computed;
    if (is_computed && !std::holds_alternative<lake::Newest>(as_of_)) {
        return Error{
            .code = ErrorCode::refused,
            .message = fmt::format("weir.{} is computed when it is read and has no earlier versions", entry.name),
            .hint = "leave out --as-of"};
    }
    if (entry.path.empty()) {
        WEIR_TRY(open_empty(entry));
    } else {
        WEIR_TRY(open_stored(entry));
    }
    entry.open = true;
    if (!is_computed) return ok();
    const auto table = full_name("weir", entry.name);
    if (entry.name == "tables") return fill_tables(*connection_, table);
    const auto fill = fills_.find(entry.name);
    return fill == fills_.end() ? ok() : fill->second(*connection_, table);
}

Status Session::open_empty(const Entry& entry) {
    return connection_->run(fmt::format("CREATE OR REPLACE TABLE {} AS {}", full_name(entry.schema, entry.name),
                                        empty_select(system_table(entry.name).schema)));
}

Result<lake::Snapshot> Session::snapshot_of(const Entry& entry) {
    lake::LocalStore store(entry.path);
    if (!std::holds_alternative<lake::Newest>(as_of_) || entry.schema == "weir")
        return lake::read_snapshot(store, *database_, as_of_);
    if (moment_) {
        const auto version = moment_->versions.find(entry.name);
        if (version != moment_->versions.end() && version->second != not_there)
            return lake::read_snapshot(store, *database_, lake::TableVersion(version->second));
    }
    if (!publication_) {
        WEIR_ASSIGN(const auto lake, lake::Lake::open(lake_.string(), *database_));
        WEIR_ASSIGN(publication_, newest_publication(lake, *database_));
    }
    const auto published = publication_->views.find(entry.name);
    if (published == publication_->views.end()) {
        if (!entry.is_view) return lake::read_snapshot(store, *database_);
        // What a run that failed has left is nobody's result yet.
        return Error{.code = ErrorCode::not_found,
                     .message = fmt::format("view '{}' has no published result yet", entry.name),
                     .hint = "`weir run` computes and publishes it"};
    }
    WEIR_ASSIGN(auto newest, lake::read_snapshot(store, *database_));
    const lake::TableVersion version(published->second.table_version);
    // A table that was made anew by hand has nothing to do with what was published.
    if (newest.metadata().id != published->second.table_id || newest.version() == version) return newest;
    WEIR_ASSIGN(auto served, lake::read_snapshot(store, *database_, version));
    // Somebody put an earlier version back, to be seen.
    const std::string restored(lake::restore_app);
    return newest.transaction_version(restored) == served.transaction_version(restored) ? served : newest;
}

Status Session::open_stored(const Entry& entry) {
    lake::LocalStore store(entry.path);
    auto read = snapshot_of(entry);
    if (!read) return std::move(read).error().within(fmt::format("opening table {}", entry.name));
    const auto& snapshot = *read;
    auto kind = entry.kind;
    if (entry.unsure) {
        const auto keep = snapshot.metadata().configuration.find(std::string(keep_property));
        const bool kept = keep != snapshot.metadata().configuration.end() && keep->second == "every_interval";
        if (kept && kind == Entry::Kind::table) kind = Entry::Kind::latest;
        // No result table: DuckDB then says that there is no such table.
        if (!kept && kind == Entry::Kind::history) return ok();
    }
    lake::ScanOptions options;
    std::string what = "SELECT *";
    std::string where;
    if (kind == Entry::Kind::latest) {
        const auto days = run_dates(snapshot);
        const auto day = days.empty() ? std::nullopt : std::optional(*days.rbegin());
        what = fmt::format("SELECT * EXCLUDE ({})", run_date_column);
        where = day ? fmt::format(" WHERE {} = {}", run_date_column, sql::quote_text(*day)) : " WHERE false";
        if (day) options.skip.push_back({.column = std::string(run_date_column), .literal = *day});
    } else if (kind == Entry::Kind::quarantine) {
        // A row is pending once, and then replayed or discarded; the clock may have gone back in between.
        where = " QUALIFY row_number() OVER (PARTITION BY id ORDER BY state = 'pending', changed_at DESC) = 1";
    }
    const auto name = fmt::format("{}_{}", entry.schema, entry.name);
    WEIR_ASSIGN(const auto plan, lake::prepare_scan(store, *connection_, snapshot, name, options));
    for (const auto& statement : plan.setup) WEIR_TRY(connection_->run(statement));
    auto status = connection_->run(fmt::format("CREATE OR REPLACE VIEW {} AS {} FROM {}{}",
                                               full_name(entry.schema, entry.name), what, plan.relation, where));
    if (!status) return std::move(status).error().within(fmt::format("opening table {}", entry.name));
    return ok();
}

Status Session::open_all() {
    Status first;
    if (live_) {
        std::vector<TableName> all;
        for (const auto& entry : entries_) all.push_back({entry.schema, entry.name});
        first = open_live(all);
    }
    for (auto& entry : entries_)
        if (auto status = open_entry(entry); !status && first) first = std::move(status);
    return first;
}

Result<duckdb_statement_type> Session::prepare(const std::string& statement) {
    WEIR_ASSIGN(const auto named, named_tables(*connection_, statement));
    if (named) {
        if (live_) WEIR_TRY(open_live(*named));
        for (const auto& table : *named)
            if (auto* entry = find(table.schema, table.name); entry != nullptr) WEIR_TRY(open_entry(*entry));
    }
    // SHOW TABLES and the like; a table that cannot be opened is not there.
    if (!named) static_cast<void>(open_all());
    auto bound = connection_->bind(statement);
    if (bound) return *bound;
    auto missing = missing_table(bound.error().message);
    if (missing) {
        // Read inside a macro, or by a statement whose tree DuckDB does not show.
        for (auto& entry : entries_)
            if (equal_ignoring_case(entry.name, *missing) && entry.kind != Entry::Kind::live)
                WEIR_TRY(open_entry(entry));
        bound = connection_->bind(statement);
        if (!bound && missing_table(bound.error().message)) {
            const auto opened = open_all();
            bound = connection_->bind(statement);
            if (!bound && !opened) return opened.error();
        }
        if (bound) return *bound;
        missing = missing_table(bound.error().message);
    }
    auto error = std::move(bound).error();
    if (!missing) return error;
    std::string name = *missing;
    if (named) {
        for (const auto& table : *named)
            if (equal_ignoring_case(table.name, *missing) && !table.schema.empty())
                name = fmt::format("{}.{}", table.schema, table.name);
    }
    error.code = ErrorCode::not_found;
    error.message = fmt::format("there is no table or view '{}'", name);
    error.hint = suggest(name, names());
    if (error.hint.empty()) error.hint = "`weir table ls` lists the tables";
    return error;
}

Status Session::fill_tables(sql::Connection& connection, const std::string& table) {
    for (const auto& entry : entries_) {
        if (entry.path.empty() || entry.kind == Entry::Kind::history) continue;
        lake::LocalStore store(entry.path);
        const auto name = entry.schema == "main" ? entry.name : fmt::format("{}.{}", entry.schema, entry.name);
        const auto snapshot = lake::read_snapshot(store, *database_);
        if (!snapshot) {
            WEIR_TRY(connection.run(fmt::format("INSERT INTO {} (name, columns) VALUES ({}, {})", table,
                                                sql::quote_text(name),
                                                sql::quote_text("unreadable: " + snapshot.error().message))));
            continue;
        }
        std::int64_t bytes = 0;
        std::optional<std::int64_t> rows = 0;
        for (const auto& file : snapshot->files()) {
            bytes += file.size_bytes;
            const auto live = lake::live_rows(file);
            rows = rows && live ? std::optional(*rows + *live) : std::nullopt;
        }
        if (!rows) {
            WEIR_ASSIGN(const auto plan, lake::scan_sql(store, *snapshot));
            WEIR_ASSIGN(const auto counted, connection.query("SELECT count(*) FROM " + plan.relation));
            rows = counted.integer(0, 0);
        }
        std::string partitions;
        for (const auto& column : snapshot->partition_columns())
            partitions += (partitions.empty() ? "" : ", ") + column;
        std::string changed_at = "NULL";
        if (const auto in_commit = snapshot->state().in_commit_timestamp_ms) {
            changed_at = fmt::format("make_timestamptz({})", *in_commit * 1000);
        } else if (const auto commit = store.head(lake::commit_path(snapshot->version()))) {
            changed_at = fmt::format("make_timestamptz({})", commit->modified.time_since_epoch().count());
        }
        WEIR_TRY(connection.run(
            fmt::format("INSERT INTO {} VALUES ({}, {}, {}, {}, {}, {}, {}, {})", table, sql::quote_text(name),
                        snapshot->version().get(), *rows, snapshot->files().size(), bytes,
                        sql::quote_text(columns_text(snapshot->schema())), sql::quote_text(partitions), changed_at)));
    }
    return ok();
}

}  // namespace weir::view

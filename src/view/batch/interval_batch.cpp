#include "view/batch/interval_batch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <mutex>

#include "base/file.h"
#include "base/sha256.h"
#include "lake/read/added_rows.h"
#include "model/system_tables.h"
#include "view/own_functions.h"
#include "view/session.h"
#include "view/split/macros.h"
#include "view/split/touched.h"
#include "view/split/weights.h"

namespace weir::view {
namespace {

constexpr std::string_view system_prefix = "weir.";

bool is_system(std::string_view name) { return name.starts_with(system_prefix); }

// The column that says to which day a row belongs.
std::string_view day_column(std::string_view table) {
    if (table == "weir/accounting") return "interval_from";
    if (table.starts_with("weir/")) return "arrival_date";
    return declare::arrival_column;
}

const declare::Source* source_of_table(const declare::Project& project, std::string_view table) {
    for (const auto& source : project.sources) {
        if (equal_ignoring_case(source.table, table)) return &source;
    }
    return nullptr;
}

// Reference tables are read whole, whatever the interval: what they say holds for all days.
bool is_reference(const declare::Project& project, std::string_view table) {
    const auto* source = source_of_table(project, table);
    return source != nullptr && source->reference;
}

// The name of the Delta table behind a name in SQL.
std::string table_name(const declare::Project& project, std::string_view read) {
    if (is_system(read)) return "weir/" + std::string(read.substr(system_prefix.size()));
    const auto* source = source_of_table(project, read);
    return source == nullptr ? std::string(read) : source->table;
}

void collect(const declare::Project& project, const declare::View& view, std::set<std::string>& tables,
             std::set<std::string>& seen) {
    if (!seen.insert(view.name).second) return;
    for (const auto& read : view.reads) {
        if (const auto* other = project.view(read))
            collect(project, *other, tables, seen);
        else
            tables.insert(table_name(project, read));
    }
}

void collect_text(const declare::Project& project, const declare::View& view, Sha256& sha,
                  std::set<std::string>& seen) {
    if (!seen.insert(view.name).second) return;
    sha.update(view.sql);
    sha.update(std::string_view("\0", 1));
    for (const auto& read : view.reads) {
        if (const auto* other = project.view(read)) collect_text(project, *other, sha, seen);
        if (const auto weights = weights_of(project, read)) {
            sha.update(fmt::format("weight {}", weights->column));
            for (const auto& column : weights->columns) sha.update(" " + column);
        }
    }
}

bool reads(const declare::View& reader, const declare::View& view) {
    return std::any_of(reader.reads.begin(), reader.reads.end(),
                       [&](const std::string& read) { return equal_ignoring_case(read, view.name); });
}

// What came into a state in the lake after it stood as `is_there` knows it: nothing did, or a run has moved it on whose
// results are not published. Nothing: that is too long ago to be found.
Result<std::optional<lake::Changes>> added_to_state(const Source& source,
                                                    const std::function<bool(const lake::Snapshot&)>& is_there) {
    constexpr int commits_max = 8;
    using Maybe = std::optional<lake::Changes>;
    auto then = *source.snapshot;
    for (int back = 0; !is_there(then); ++back) {
        if (back == commits_max || then.version().get() == 0) return Maybe();
        auto earlier = source.table.snapshot(lake::TableVersion(then.version().get() - 1));
        if (!earlier || earlier->metadata().id != then.metadata().id) return Maybe();
        then = std::move(*earlier);
    }
    auto changes = lake::changes_between(source.table.store(), then.version(), source.snapshot->version());
    if (!changes || !changes->only_added) return Maybe();
    return Maybe(std::move(*changes));
}

}  // namespace

std::set<std::string> base_tables(const declare::Project& project, const declare::View& view) {
    std::set<std::string> tables, seen;
    collect(project, view, tables, seen);
    return tables;
}

std::string text_hash(const declare::Project& project, const declare::View& view) {
    Sha256 sha;
    sha.update(project.macros);
    sha.update(view.keep == declare::View::Keep::latest ? "latest" : "every_interval");
    std::set<std::string> seen;
    collect_text(project, view, sha, seen);
    return sha.hex().substr(0, 32);
}

std::string newest_states(const std::string& relation) {
    return fmt::format(
        "(SELECT * FROM {} QUALIFY row_number() OVER (PARTITION BY id ORDER BY (state = 'pending'), epoch DESC) = 1)",
        relation);
}

std::string interval_macros(const Interval& interval) {
    return fmt::format(
        "CREATE OR REPLACE TEMP MACRO interval_start() AS DATE '{}'; CREATE OR REPLACE TEMP MACRO interval_end() AS "
        "DATE '{}'",
        weir::to_string(interval.from), weir::to_string(interval.to));
}

Result<sql::Database> open_database(const declare::Project& project, Access access) {
    std::optional<sql::SpillFolder> spill;
    std::error_code ignored;
    if (access == Access::change || std::filesystem::is_directory(project.lake / ".weir", ignored)) {
        auto made = sql::SpillFolder::make(spill_root(project.lake));
        if (!made && access == Access::change) return std::move(made).error();
        if (made) spill = std::move(*made);
    }
    WEIR_ASSIGN(auto database, sql::Database::open({.memory_limit = project.engine.memory,
                                                    .threads = project.engine.threads,
                                                    .spill = std::move(spill)}));
    WEIR_ASSIGN(auto connection, database.connect());
    WEIR_TRY(add_own_functions(connection));
    WEIR_TRY(make_macros(connection, project.macros));
    return database;
}

Result<IntervalBatch> IntervalBatch::open(const lake::Lake& lake, sql::Database& database,
                                          const declare::Project& project, const Interval& interval,
                                          std::shared_ptr<PinnedTables> tables) {
    WEIR_ASSIGN(auto connection, database.connect());
    WEIR_TRY(connection.run(interval_macros(interval)));
    return IntervalBatch(lake, project, interval, std::move(tables), std::move(connection));
}

Result<IntervalBatch::Input*> IntervalBatch::input(const std::string& name) {
    if (const auto known = inputs_.find(name); known != inputs_.end()) return &known->second;
    WEIR_ASSIGN(auto pinned, tables_->table(name));
    Input input{.table = std::move(pinned.table), .snapshot = std::move(pinned.snapshot)};
    return &inputs_.emplace(name, std::move(input)).first->second;
}

lake::Predicates IntervalBatch::before_end(const std::string& name) const {
    if (is_reference(*project_, name)) return {};
    return {{std::string(day_column(name)), lake::Comparison::less, weir::to_string(interval_.to)}};
}

Result<std::vector<std::string>> IntervalBatch::visible_files(const std::string& name) {
    std::vector<std::string> files;
    WEIR_ASSIGN(const auto* in, input(name));
    if (in->snapshot) {
        WEIR_ASSIGN(files, lake::matching_files(*in->snapshot, before_end(name)));
    }
    std::sort(files.begin(), files.end());
    return files;
}

Result<std::string> IntervalBatch::inputs_hash(const declare::View& view) {
    Sha256 sha;
    for (const auto& name : base_tables(*project_, view)) {
        sha.update(name);
        WEIR_ASSIGN(const auto files, visible_files(name));
        for (const auto& file : files) {
            sha.update(std::string_view("\0", 1));
            sha.update(file);
        }
    }
    return sha.hex().substr(0, 32);
}

Result<std::string> IntervalBatch::relation_of(const std::string& name, const Input& input) {
    const auto temporary = "in_" + std::to_string(inputs_.size());
    const auto after = after_.find(name);
    if (after != after_.end() && after->second != not_there && !is_reference(*project_, name)) {
        WEIR_ASSIGN(const auto arrivals, tables_->since(name, after->second));
        if (!arrivals->broken.empty())
            return Error{.code = ErrorCode::refused,
                         .message = "there are no newest rows alone: " + arrivals->broken,
                         .hint = "after the next run there are"};
        return lake::prepare_added(input.table, connection_, *input.snapshot, arrivals->changes, temporary);
    }
    const lake::ScanOptions options{.skip = before_end(name)};
    // A system table's view is not a temporary one, so it cannot rest on temporary tables of a prepared scan.
    WEIR_ASSIGN(const auto scan, name.starts_with("weir/") ? input.table.scan(*input.snapshot, options)
                                                           : lake::prepare_scan(input.table.store(), connection_,
                                                                                *input.snapshot, temporary, options));
    for (const auto& statement : scan.setup) WEIR_TRY(connection_.run(statement));
    return scan.relation;
}

Status IntervalBatch::make_readable(const std::string& name) {
    WEIR_ASSIGN(auto* in, input(name));
    if (in->readable) return ok();
    const bool system = name.starts_with("weir/");
    const auto system_name = system ? name.substr(5) : std::string();
    std::string relation;
    if (in->snapshot) {
        WEIR_ASSIGN(relation, relation_of(name, *in));
        if (!is_reference(*project_, name))
            relation = fmt::format("(SELECT * FROM {} WHERE {} < DATE '{}')", relation,
                                   sql::quote_name(day_column(name)), weir::to_string(interval_.to));
    } else if (system) {
        std::vector<std::string> columns;
        for (const auto& field : system_table(system_name).schema.fields)
            columns.push_back(
                fmt::format("CAST(NULL AS {}) AS {}", to_duckdb(field.type), sql::quote_name(field.name)));
        relation = fmt::format("(SELECT {} WHERE false)", fmt::join(columns, ", "));
    } else {
        return no_table(name);
    }
    if (name == "weir/quarantine") relation = newest_states(relation);
    if (system) {
        in->relation = relation;
        // The system tables live in a schema, which a temporary view cannot; all batches of the database share it.
        static std::mutex one_at_a_time;
        const std::lock_guard lock(one_at_a_time);
        WEIR_TRY(connection_.run("CREATE SCHEMA IF NOT EXISTS weir"));
        WEIR_TRY(connection_.run(
            fmt::format("CREATE OR REPLACE VIEW weir.{} AS SELECT * FROM {}", sql::quote_name(system_name), relation)));
        in->readable = true;
        return ok();
    }
    if (const auto weights = weights_of(*project_, name)) {
        const auto changes = changes_relation(name);
        WEIR_TRY(connection_.run(fmt::format("CREATE OR REPLACE TEMP VIEW {} AS SELECT * FROM {}", changes, relation)));
        relation = "(" + select_left(*weights, changes) + ")";
    }
    in->relation = relation;
    WEIR_TRY(connection_.run(
        fmt::format("CREATE OR REPLACE TEMP VIEW {} AS SELECT * FROM {}", sql::quote_name(name), relation)));
    in->readable = true;
    return ok();
}

bool looks_at_interval(const declare::Project& project, const Split& split) {
    return (split.plain + project.macros).find("interval_") != std::string::npos;
}

Error IntervalBatch::in_file(const declare::View& view, Error error) const {
    error.where.file = view.where.file;
    return std::move(error).within(fmt::format("computing view '{}' for {}", view.name, weir::to_string(interval_)));
}

Status IntervalBatch::run_over(const declare::View& view, const std::string& statement) {
    auto status = connection_.run(statement);
    if (!status && status.error().code == ErrorCode::sql_invalid) {
        auto error = std::move(status).error();
        error.where.line = error.where.column = 0;
        return in_file(view, std::move(error));
    }
    return status;
}

Status IntervalBatch::run(const declare::View& view, const std::string& sql, const std::set<std::string>& reads,
                          const States& states, Rows rows) {
    for (const auto& read : reads) {
        if (const auto* other = project_->view(read)) {
            WEIR_ASSIGN(const auto computed, compute(*other, states));
            static_cast<void>(computed);
            if (const auto held = held_.extract(other->name))
                WEIR_TRY(connection_.run(fmt::format("CREATE OR REPLACE TEMP VIEW {} AS FROM {}",
                                                     sql::quote_name(other->name), held.mapped())));
        } else {
            WEIR_TRY(make_readable(table_name(*project_, read)));
        }
    }
    const bool elsewhere = held_in_ != nullptr;
    const auto name = elsewhere ? held_in_(view) : sql::quote_name(view.name);
    const auto statement = fmt::format("CREATE OR REPLACE {} {} AS\n{}",
                                       elsewhere            ? "TABLE"
                                       : rows == Rows::held ? "TEMP TABLE"
                                                            : "TEMP VIEW",
                                       name, sql);
    auto status = connection_.run(statement);
    if (!status && !project_->macros.empty()) {
        // What a macro reads is there now. All batches of the database share the macros.
        static std::mutex one_at_a_time;
        const std::lock_guard lock(one_at_a_time);
        if (const auto made = make_macros(connection_, project_->macros); made && *made > 0)
            status = connection_.run(statement);
    }
    if (status && elsewhere) held_[view.name] = name;
    if (status) return status;
    auto error = std::move(status).error();
    const bool own_text = sql == view.sql;
    if (own_text && error.where.line > 1)
        error.where.line += view.sql_first_line - 2;  // one line for CREATE
    else
        error.where.line = error.where.column = 0;
    return in_file(view, std::move(error));
}

Result<std::optional<Basis>> IntervalBatch::basis_of(const declare::View& view, const Split& split,
                                                     const std::map<std::string, Source>& states) {
    Basis basis;
    basis.end = weir::to_string(interval_.to);
    Sha256 sha;
    sha.update(text_hash(*project_, view));
    sha.update(split.plain);
    sha.update(split.finish);
    if (looks_at_interval(*project_, split)) sha.update(basis.end);
    basis.text = sha.hex().substr(0, 32);
    for (const auto& [name, state] : states) {
        if (!state.snapshot || !state.newer.empty()) return std::optional<Basis>();
        basis.positions.emplace(name, position_of(*state.snapshot));
    }
    for (const auto& name : split.rows) {
        WEIR_ASSIGN(const auto* in, input(table_name(*project_, name)));
        if (in->snapshot) basis.positions.emplace(name, position_of(*in->snapshot));
    }
    for (const auto& name : split.reads) {
        if (const auto* other = project_->view(name)) {
            if (!stored_.contains(other->name)) return std::optional<Basis>();
            WEIR_ASSIGN(const auto table, lake_->table(other->name));
            WEIR_ASSIGN(const auto snapshot, table.snapshot());
            basis.positions.emplace(name, position_of(snapshot));
            continue;
        }
        WEIR_ASSIGN(const auto files, visible_files(table_name(*project_, name)));
        Sha256 seen;
        for (const auto& file : files) seen.update(file + "\n");
        basis.positions.emplace(name, seen.hex().substr(0, 32));
    }
    return std::optional(std::move(basis));
}

bool IntervalBatch::is_read_by_others(const declare::View& view) const {
    return std::any_of(project_->views.begin(), project_->views.end(),
                       [&](const auto& other) { return reads(other, view); });
}

Result<bool> IntervalBatch::is_gone_on_from(const declare::View& view, Catalog& catalog) const {
    for (const auto& other : project_->views) {
        if (other.keep != declare::View::Keep::latest || !reads(other, view)) continue;
        WEIR_ASSIGN(const auto* split, catalog.split(other));
        if (split->touched.why_not.empty()) return true;
    }
    return false;
}

Result<ReadResult> IntervalBatch::set_aside(const declare::View& view, const States& states) {
    WEIR_TRY(compute(view, states));
    auto& result = results_[view.name];
    if (result.relation.empty()) {
        const auto name = sql::quote_name(view.name), aside = sql::quote_name("weir_rows_" + view.name);
        WEIR_TRY(connection_.run(fmt::format("ALTER TABLE {} RENAME TO {}", name, aside)));
        WEIR_TRY(connection_.run(fmt::format("CREATE TEMP VIEW {} AS FROM {}", name, aside)));
        result.relation = aside;
    }
    return result;
}

Result<std::optional<std::int64_t>> IntervalBatch::refreshed(const declare::View& view, const Split& split,
                                                             std::map<std::string, Source> sources,
                                                             const States& states, const Basis& then,
                                                             const Basis& now) {
    for (const auto& name : split.rows) {
        const auto table = table_name(*project_, name);
        WEIR_TRY(make_readable(table));
        WEIR_ASSIGN(auto* in, input(table));
        if (!in->snapshot) return std::optional<std::int64_t>();
        sources.emplace(name, Source{.table = in->table,
                                     .snapshot = *in->snapshot,
                                     .columns = "*",
                                     .relation = in->relation,
                                     .day_column = std::string(day_column(table))});
    }
    WEIR_ASSIGN(const auto result, lake_->table(view.name));
    WEIR_ASSIGN(const bool exists, result.exists());
    if (!exists) return std::optional<std::int64_t>();
    std::map<std::string, ReadResult> results;
    for (const auto& name : split.reads) {
        const auto* other = project_->view(name);
        if (other == nullptr) {
            WEIR_TRY(make_readable(table_name(*project_, name)));
        } else {
            WEIR_ASSIGN(auto rows, set_aside(*other, states));
            results.emplace(name, std::move(rows));
        }
    }
    StoredResult stored{.table = result, .then = then, .now = now, .sources = sources, .results = results};
    WEIR_ASSIGN(const bool asked, is_gone_on_from(view, states.catalog));
    if (asked) stored.changed = sql::quote_name("weir_changed_" + view.name);
    auto count = split.append_only ? append_new(connection_, view.name, stored, split.finish)
                                   : refresh(connection_, view.name, stored, split.touched);
    if (count && *count && !stored.changed.empty())
        results_[view.name] = {.gone_on_from = then.result, .changed = stored.changed};
    // The names of event tables and of views stand for all their rows again.
    for (const auto& [name, rows] : results)
        WEIR_TRY(connection_.run(
            fmt::format("CREATE OR REPLACE TEMP VIEW {} AS FROM {}", sql::quote_name(name), rows.relation)));
    for (const auto& name : split.rows) {
        const auto& in = inputs_.at(table_name(*project_, name));
        WEIR_TRY(connection_.run(
            fmt::format("CREATE OR REPLACE TEMP VIEW {} AS FROM {}", sql::quote_name(name), in.relation)));
    }
    if (!count) return in_file(view, std::move(count).error());
    return count;
}

Result<IntervalBatch::Computed> IntervalBatch::compute(const declare::View& view, const States& states,
                                                       const std::optional<Basis>& then) {
    Computed computed;
    if (computed_.contains(view.name)) return computed;
    WEIR_ASSIGN(const auto* split, states.catalog.split(view));
    std::map<std::string, Source> open;
    // An expression may fail over a row that is long taken back, or over one that is taken back before it came.
    const auto only_rows_left = [&](const Error& error) {
        if (!is_weighted(*split) || error.code != ErrorCode::sql_invalid) return false;
        computed.from_states = false;
        computed.rebuilt.push_back("computed from the rows that are left, without states: " + error.message);
        return true;
    };
    if (states.reader != nullptr) {
        for (const auto& state : split->states) {
            auto caught_up = states.reader->catch_up(state, states.by_day.contains(state.name));
            if (!caught_up && only_rows_left(caught_up.error())) continue;
            if (!caught_up) return in_file(view, std::move(caught_up).error());
            if (caught_up->what == CatchUp::What::built_again)
                computed.rebuilt.push_back(fmt::format("{} was built again: {}", state.name, caught_up->why));
            WEIR_ASSIGN(auto source, states.reader->open(connection_, state, interval_));
            if (source) open.emplace(state.name, std::move(*source));
        }
        computed.from_states = !split->states.empty() && open.size() == split->states.size();
        if (open.size() == split->states.size() && (split->append_only || split->touched.why_not.empty())) {
            WEIR_ASSIGN(computed.basis, basis_of(view, *split, open));
        }
    }
    if (computed.basis && then) {
        auto count = refreshed(view, *split, std::move(open), states, *then, *computed.basis);
        if (!count && !only_rows_left(count.error())) return std::move(count).error();
        if (count) (split->append_only ? computed.appended : computed.touched) = *count;
    }
    if (computed.touched || computed.appended) {
        computed_.insert(view.name);
        return computed;
    }
    if (computed.from_states) {
        auto reads = split->reads;
        reads.insert(split->rows.begin(), split->rows.end());
        auto status = run(view, split->finish, reads, states, Rows::held);
        if (!status && !only_rows_left(status.error())) return std::move(status).error();
    }
    if (!computed.from_states) {
        const std::set<std::string> reads(view.reads.begin(), view.reads.end());
        const auto rows = split->append_only && !is_read_by_others(view) ? Rows::as_they_are_read : Rows::held;
        if (auto status = run(view, split->plain, reads, states, rows); !status) {
            // The text as it was written knows its lines.
            WEIR_TRY(run(view, view.sql, reads, states, rows));
            return std::move(status).error();
        }
    }
    computed_.insert(view.name);
    return computed;
}

Result<std::optional<std::int64_t>> IntervalBatch::compute_touched(const declare::View& view, const States& states,
                                                                   const Versions& after) {
    using Keys = std::optional<std::int64_t>;
    WEIR_ASSIGN(const auto* split, states.catalog.split(view));
    std::map<std::string, GrownSource> sources;
    for (const auto& state : split->states) {
        auto caught_up = states.reader->catch_up(state, states.by_day.contains(state.name));
        if (!caught_up) return in_file(view, std::move(caught_up).error());
        WEIR_ASSIGN(auto source, states.reader->open(connection_, state, interval_));
        if (!source || !source->snapshot) return Keys();
        // Where the published result stands, or a little before, with files between that only hold rows of others.
        const auto is_there = [&](const lake::Snapshot& then) {
            return std::all_of(state.events.begin(), state.events.end(), [&](const std::string& name) {
                const auto known = tables_->existing(name);
                if (!known) return false;
                const auto position = then.transaction_version(events_app(name, *known->snapshot));
                const auto cut = after.at(name);
                if (!position || *position >= cut) return position == cut;
                const auto between = tables_->since(name, *position);
                return between && (*between)->broken.empty() &&
                       std::all_of((*between)->changes.added.begin(), (*between)->changes.added.end(),
                                   [&](const auto& each) { return each.version.get() > cut; });
            });
        };
        WEIR_ASSIGN(const auto changes, added_to_state(*source, is_there));
        if (!changes) return Keys();
        WEIR_ASSIGN(const auto added, lake::prepare_added(source->table, connection_, *source->snapshot, *changes,
                                                          fmt::format("weir_added_{}", sources.size())));
        auto new_rows = fmt::format("SELECT {} FROM {}", source->columns, added);
        if (!source->newer.empty()) new_rows += " UNION ALL FROM " + source->newer;
        sources.emplace(state.name, GrownSource{std::move(source->relation), "(" + new_rows + ")"});
    }
    for (const auto& name : split->rows) {
        const auto table = table_name(*project_, name);
        WEIR_TRY(make_readable(table));
        WEIR_ASSIGN(auto* in, input(table));
        WEIR_ASSIGN(const auto arrivals, tables_->since(table, after.at(table)));
        WEIR_ASSIGN(const auto added, lake::prepare_added(in->table, connection_, *in->snapshot, arrivals->changes,
                                                          fmt::format("weir_added_{}", sources.size())));
        sources.emplace(name, GrownSource{in->relation, added});
    }
    for (const auto& name : split->reads) WEIR_TRY(make_readable(table_name(*project_, name)));
    auto count = touch(connection_, split->touched, sources);
    if (!count) return in_file(view, std::move(count).error());
    WEIR_TRY(run_over(view, fmt::format("CREATE OR REPLACE TEMP VIEW {} AS {}", sql::quote_name(view.name),
                                        select_fresh(split->touched))));
    return Keys(*count);
}

}  // namespace weir::view

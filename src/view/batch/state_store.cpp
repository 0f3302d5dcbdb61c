#include "view/batch/state_store.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "declare/project.h"
#include "lake/log/changes.h"
#include "lake/log/paths.h"
#include "lake/read/added_rows.h"
#include "lake/read/checksum.h"
#include "lake/read/file_facts.h"
#include "view/split/weights.h"

namespace weir::view {
namespace {

constexpr std::string_view day_column = "arrival_day";
constexpr std::string_view state_folder = "weir/";
// Table property: whether rows of different arrival days are apart.
constexpr std::string_view by_day_property = "weir.by_day";
// Above this, the parts of a state are merged into one.
constexpr std::size_t parts_max = 12;
// New rows in files of this size together are read once and held.
constexpr std::int64_t held_bytes_max = std::int64_t{16} << 20;

std::string events_app(const std::string& table, const lake::Snapshot& snapshot) {
    return fmt::format("events:{}:{}", table, snapshot.metadata().id);
}
std::string reference_app(const std::string& table, const lake::Snapshot& snapshot) {
    return fmt::format("reference:{}:{}", table, snapshot.metadata().id);
}

Error not_there(const std::string& table) {
    return {.code = ErrorCode::not_found,
            .message = fmt::format("table '{}' does not exist in the lake yet", table),
            .hint = "run its source first: weir run --only " + table};
}

struct Stored {
    std::string lake_type;  // DuckDB's spelling of what the Delta table holds
    Type type;
};

// HUGEINT, INTERVAL and the like have no counterpart in a Delta table.
Result<Stored> stored_as(sql::Connection& connection, const std::string& type) {
    for (const auto& candidate : {type, std::string(type == "HUGEINT" ? "DECIMAL(38,0)" : "VARCHAR")}) {
        if (const auto schema = connection.schema_of(fmt::format("SELECT NULL::{} AS x", candidate)))
            return Stored{candidate, schema->fields.at(0).type};
    }
    return Error{.code = ErrorCode::internal, .message = "a state cannot hold a value of type " + type};
}

Result<std::vector<Stored>> stored_as(sql::Connection& connection, const std::vector<StateColumn>& columns) {
    std::vector<Stored> result;
    std::vector<std::string> nulls;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const auto& type = columns[i].type;
        nulls.push_back(fmt::format("NULL::{} AS c{}", type == "HUGEINT" ? "DECIMAL(38,0)" : type, i));
    }
    if (nulls.empty()) return result;
    if (const auto schema = connection.schema_of(fmt::format("SELECT {}", fmt::join(nulls, ", ")))) {
        for (std::size_t i = 0; i < columns.size(); ++i)
            result.push_back(
                {columns[i].type == "HUGEINT" ? "DECIMAL(38,0)" : columns[i].type, schema->fields[i].type});
        return result;
    }
    for (const auto& column : columns) {
        WEIR_ASSIGN(auto stored, stored_as(connection, column.type));
        result.push_back(std::move(stored));
    }
    return result;
}

bool is_by_day(const lake::Snapshot& snapshot) {
    const auto& configuration = snapshot.metadata().configuration;
    const auto found = configuration.find(std::string(by_day_property));
    return found != configuration.end() && found->second == "true";
}

struct Layout {
    Schema schema;
    std::string to_lake;    // column list over the partial's columns
    std::string from_lake;  // column list over the table's columns
};

std::vector<StateColumn> columns_of(const State& state) {
    std::vector<StateColumn> columns = state.keys;
    columns.insert(columns.end(), state.values.begin(), state.values.end());
    columns.insert(columns.end(), state.sums.begin(), state.sums.end());
    return columns;
}

Result<Layout> layout_of(sql::Connection& connection, const State& state) {
    Layout layout;
    layout.schema.fields.push_back({std::string(day_column), Type::of(Type::Kind::date), true});
    const auto columns = columns_of(state);
    WEIR_ASSIGN(const auto stored, stored_as(connection, columns));
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const auto& column = columns[i];
        layout.schema.fields.push_back({column.name, stored[i].type, true});
        layout.to_lake += fmt::format(", CAST({} AS {}) AS {}", column.name, stored[i].lake_type, column.name);
        layout.from_lake += fmt::format("{}CAST({} AS {}) AS {}", layout.from_lake.empty() ? "" : ", ", column.name,
                                        column.type, column.name);
    }
    if (layout.from_lake.empty()) layout.from_lake = "1 AS nothing";
    return layout;
}

// The arrival days of a table's files where each file is of one day; nothing where rows have to be asked.
std::optional<std::set<std::string>> days_of(const std::vector<lake::AddFile>& files) {
    std::set<std::string> days;
    for (const auto& file : files) {
        const auto value = file.partition_values.find(std::string(declare::arrival_column));
        if (value == file.partition_values.end() || !value->second) return std::nullopt;
        days.insert(*value->second);
    }
    return days;
}

}  // namespace

// The tables behind a state, now, and what of them is new.
struct StateStore::Inputs {
    struct Table {
        lake::Table table;
        lake::Snapshot snapshot;
        std::optional<lake::Changes> changes{};  // none: all of it is new
    };
    std::map<std::string, Table> events, references;
};

Result<CatchUp> StateStore::catch_up(const State& state, bool by_day) {
    Kept* kept = nullptr;
    {
        const std::lock_guard lock(mutex_);
        kept = &kept_[state.name];
    }
    const std::lock_guard lock(kept->mutex);
    if (!kept->done) {
        WEIR_ASSIGN(kept->done, bring_up(state, by_day));
    }
    return *kept->done;
}

Result<CatchUp> StateStore::bring_up(const State& state, bool by_day) {
    Inputs inputs;
    const auto look = [&](const std::set<std::string>& names, auto& into) -> Status {
        for (const auto& name : names) {
            WEIR_ASSIGN(const auto table, lake_->table(name));
            WEIR_ASSIGN(const bool exists, table.exists());
            if (!exists) return not_there(name);
            WEIR_ASSIGN(auto snapshot, table.snapshot());
            into.emplace(name, Inputs::Table{.table = table, .snapshot = std::move(snapshot)});
        }
        return ok();
    };
    WEIR_TRY(look(state.events, inputs.events));
    WEIR_TRY(look(state.references, inputs.references));

    WEIR_ASSIGN(const auto table, lake_->table(std::string(state_folder) + state.name));
    WEIR_ASSIGN(const bool exists, table.exists());
    std::optional<lake::Snapshot> known;
    std::string why;
    if (exists) {
        auto snapshot = table.snapshot();
        if (snapshot) {
            WEIR_ASSIGN(auto reason, why_to_build(state, *snapshot, inputs));
            if (!reason && by_day && !is_by_day(*snapshot)) reason = "a view keeps every interval now";
            if (!reason) {
                by_day = is_by_day(*snapshot);
                known = std::move(*snapshot);
            }
            why = reason.value_or("");
        } else {
            why = "it cannot be read: " + snapshot.error().message;
        }
    }
    if (!known) {
        if (exists) WEIR_TRY(drop(state));
        for (auto& [name, input] : inputs.events) input.changes.reset();
        WEIR_ASSIGN(const auto rows, write(state, by_day, inputs, std::nullopt));
        return CatchUp{exists ? CatchUp::What::built_again : CatchUp::What::built, why, rows};
    }
    const bool anything = std::any_of(inputs.events.begin(), inputs.events.end(), [](const auto& input) {
        return input.second.changes && !input.second.changes->added.empty();
    });
    if (!anything) return CatchUp{};
    WEIR_ASSIGN(const auto rows, write(state, by_day, inputs, std::move(known)));
    WEIR_TRY(compact(state, by_day));
    return CatchUp{CatchUp::What::added, {}, rows};
}

Result<std::optional<std::string>> StateStore::why_to_build(const State& state, const lake::Snapshot& snapshot,
                                                            Inputs& inputs) {
    using Why = std::optional<std::string>;
    WEIR_ASSIGN(const auto table, lake_->table(std::string(state_folder) + state.name));
    if (const auto whole = lake::verify_checksums(table.store(), snapshot); !whole)
        return Why("it is damaged: " + whole.error().message);
    for (auto& [name, input] : inputs.references) {
        const auto then = snapshot.transaction_version(reference_app(name, input.snapshot));
        if (!then) return Why(fmt::format("reference table {} is not the one that it was", name));
        const auto changes =
            lake::changes_between(input.table.store(), lake::TableVersion(*then), input.snapshot.version());
        if (!changes || !changes->only_added || !changes->added.empty())
            return Why(fmt::format("reference table {} changed", name));
    }
    for (auto& [name, input] : inputs.events) {
        const auto then = snapshot.transaction_version(events_app(name, input.snapshot));
        if (!then || *then > input.snapshot.version().get())
            return Why(fmt::format("table {} is not the one that it was", name));
        auto changes = lake::changes_between(input.table.store(), lake::TableVersion(*then), input.snapshot.version());
        if (!changes) return Why(fmt::format("the log of table {} does not reach back to version {}", name, *then));
        if (!changes->only_added) return Why(fmt::format("rows of table {} were removed or replaced", name));
        const auto live = lake::live_paths(input.snapshot);
        for (const auto& added : changes->added) {
            const auto path = lake::decode_data_path(added.file.path);
            if (!live.contains(added.file.path) && path && !path->absolute && !input.table.store().head(path->text))
                return Why(fmt::format("table {} was optimized, and the new rows' own files vacuumed", name));
        }
        input.changes = std::move(*changes);
    }
    return Why();
}

class StateStore::Borrowed {
public:
    static Result<Borrowed> from(StateStore& store) {
        {
            const std::lock_guard lock(store.mutex_);
            if (!store.idle_.empty()) {
                auto connection = std::move(store.idle_.back());
                store.idle_.pop_back();
                return Borrowed(store, std::move(connection));
            }
        }
        WEIR_ASSIGN(auto connection, store.database_->connect());
        return Borrowed(store, std::move(connection));
    }
    Borrowed(Borrowed&&) = default;
    Borrowed& operator=(Borrowed&&) = delete;
    ~Borrowed() {
        if (!connection_) return;
        const std::lock_guard lock(store_->mutex_);
        store_->idle_.push_back(std::move(*connection_));
    }
    sql::Connection& get() { return *connection_; }

private:
    Borrowed(StateStore& store, sql::Connection connection)
        : store_(&store), connection_(std::make_unique<sql::Connection>(std::move(connection))) {}
    StateStore* store_;
    std::unique_ptr<sql::Connection> connection_;
};

Result<std::string> StateStore::new_rows(sql::Connection& on, const std::string& name, const lake::Table& table,
                                         const lake::Snapshot& snapshot, const lake::Changes& changes) {
    std::string key = name;
    std::int64_t bytes = 0;
    for (const auto& added : changes.added) {
        key += "\n" + added.file.path;
        bytes += added.file.size_bytes;
    }
    const auto temporary = "new_" + name;
    if (bytes > held_bytes_max) return lake::prepare_added(table, on, snapshot, changes, temporary);
    const std::lock_guard lock(holding_);
    if (const auto held = held_.find(key); held != held_.end()) return held->second;
    WEIR_ASSIGN(const auto relation, lake::prepare_added(table, on, snapshot, changes, temporary));
    auto held = fmt::format("weir_held_{}", held_.size());
    // Not a temporary table: all connections of the store read it.
    WEIR_TRY(on.run(fmt::format("CREATE OR REPLACE TABLE {} AS FROM {}", held, relation)));
    held_.emplace(key, held);
    return held;
}

Result<std::int64_t> StateStore::write(const State& state, bool by_day, Inputs& inputs,
                                       std::optional<lake::Snapshot> onto) {
    WEIR_ASSIGN(auto borrowed, Borrowed::from(*this));
    auto& connection = borrowed.get();
    WEIR_ASSIGN(const auto layout, layout_of(connection, state));
    std::map<std::string, std::string> relations;
    std::vector<std::string> ask_days;
    std::set<std::string> days;
    for (const auto& [name, input] : inputs.references) {
        WEIR_ASSIGN(const auto scan, lake::prepare_scan(input.table.store(), connection, input.snapshot, "r_" + name));
        for (const auto& statement : scan.setup) WEIR_TRY(connection.run(statement));
        WEIR_TRY(connection.run(
            fmt::format("CREATE OR REPLACE TEMP VIEW {} AS SELECT * FROM {}", sql::quote_name(name), scan.relation)));
    }
    for (const auto& [name, input] : inputs.events) {
        std::string relation;
        if (input.changes) {
            WEIR_ASSIGN(relation, new_rows(connection, name, input.table, input.snapshot, *input.changes));
        } else {
            WEIR_ASSIGN(const auto scan,
                        lake::prepare_scan(input.table.store(), connection, input.snapshot, "e_" + name));
            for (const auto& statement : scan.setup) WEIR_TRY(connection.run(statement));
            relation = scan.relation;
        }
        std::vector<lake::AddFile> files = input.snapshot.files();
        if (input.changes) {
            files.clear();
            for (const auto& added : input.changes->added) files.push_back(added.file);
        }
        if (auto known = days_of(files))
            days.merge(*known);
        else
            ask_days.push_back(fmt::format("SELECT {} AS d FROM {}", declare::arrival_column, relation));
        relations.emplace(name, std::move(relation));
    }
    if (!ask_days.empty()) {
        WEIR_ASSIGN(const auto found, connection.query(fmt::format("SELECT DISTINCT d::VARCHAR FROM ({})",
                                                                   fmt::join(ask_days, " UNION ALL "))));
        for (std::size_t row = 0; row < found.row_count(); ++row) days.emplace(found.text(row, 0));
    }
    std::vector<std::string> pieces(days.begin(), days.end());  // the days to compute apart
    if (!by_day && !pieces.empty()) pieces = {pieces.back()};

    auto table = lake_->table(std::string(state_folder) + state.name);
    if (!table) return std::move(table).error();
    table->set_clock(*clock_);
    auto transaction = onto ? lake::Transaction::begin(*table, std::move(*onto))
                            : lake::Transaction::create(
                                  *table, {.schema = layout.schema,
                                           .partition_columns = {},
                                           .configuration = {{std::string(by_day_property), by_day ? "true" : "false"}},
                                           .name = std::string(state_folder) + state.name,
                                           .description = "a state of views; derived, not for use"});
    if (!transaction) return std::move(transaction).error();
    std::int64_t rows = 0;
    for (const auto& day : pieces) {
        for (const auto& [name, relation] : relations) {
            const auto only =
                by_day ? fmt::format(" WHERE {} = DATE '{}'", declare::arrival_column, day) : std::string();
            for (const auto& view : {sql::quote_name(name), changes_relation(name)}) {
                if (view == changes_relation(name) && !state.weighted) continue;
                WEIR_TRY(connection.run(
                    fmt::format("CREATE OR REPLACE TEMP VIEW {} AS SELECT * FROM {}{}", view, relation, only)));
            }
        }
        WEIR_ASSIGN(const auto appended, transaction->append(connection,
                                                             fmt::format("SELECT DATE '{}' AS {}{} FROM ({})", day,
                                                                         day_column, layout.to_lake, state.partial),
                                                             {.checksums = true}));
        rows += appended.rows;
    }
    const auto reach = [&](const std::string& app, const Inputs::Table& input) -> Status {
        const auto version = input.snapshot.version().get();
        const auto* before = transaction->snapshot();
        if (before != nullptr && before->transaction_version(app) == version) return ok();
        return transaction->set_txn(app, version);
    };
    for (const auto& [name, input] : inputs.events) WEIR_TRY(reach(events_app(name, input.snapshot), input));
    for (const auto& [name, input] : inputs.references) WEIR_TRY(reach(reference_app(name, input.snapshot), input));
    transaction->set_operation("WRITE");
    WEIR_ASSIGN(const auto committed, lake::commit_or_fail(std::move(*transaction)));
    static_cast<void>(committed);
    return rows;
}

// Merges all parts into one, days apart where they have to be.
Status StateStore::compact(const State& state, bool by_day) {
    WEIR_ASSIGN(auto table, lake_->table(std::string(state_folder) + state.name));
    table.set_clock(*clock_);
    WEIR_ASSIGN(auto snapshot, table.snapshot());
    if (snapshot.files().size() <= parts_max) return ok();
    WEIR_ASSIGN(auto borrowed, Borrowed::from(*this));
    auto& connection = borrowed.get();
    WEIR_ASSIGN(const auto layout, layout_of(connection, state));
    WEIR_ASSIGN(const auto scan, table.scan(snapshot));
    WEIR_ASSIGN(const auto found, connection.query(fmt::format("SELECT DISTINCT {}::VARCHAR FROM {} ORDER BY 1",
                                                               day_column, scan.relation)));
    std::vector<std::string> pieces;
    for (std::size_t row = 0; row < found.row_count(); ++row) pieces.emplace_back(found.text(row, 0));
    // One file a day is as far as it goes.
    if (by_day && snapshot.files().size() <= pieces.size() + parts_max) return ok();
    if (!by_day && !pieces.empty()) pieces = {pieces.back()};
    WEIR_ASSIGN(auto transaction, lake::Transaction::begin(table, snapshot));
    for (const auto& file : snapshot.files()) WEIR_TRY(transaction.remove_file(file, false));
    for (const auto& day : pieces) {
        const auto only = by_day ? fmt::format(" WHERE {} = DATE '{}'", day_column, day) : std::string();
        WEIR_TRY(connection.run(fmt::format("CREATE OR REPLACE TEMP VIEW {} AS SELECT {} FROM {}{}", state.name,
                                            layout.from_lake, scan.relation, only)));
        WEIR_ASSIGN(const auto appended, transaction.append(connection,
                                                            fmt::format("SELECT DATE '{}' AS {}{} FROM ({})", day,
                                                                        day_column, layout.to_lake, state.merge),
                                                            {.data_change = false, .checksums = true}));
        static_cast<void>(appended);
    }
    transaction.set_operation("OPTIMIZE");
    WEIR_ASSIGN(const auto committed, lake::commit_or_fail(std::move(transaction)));
    static_cast<void>(committed);
    return ok();
}

Result<std::optional<Source>> StateStore::open(sql::Connection& connection, const State& state,
                                               const Interval& interval) {
    WEIR_ASSIGN(auto table, lake_->table(std::string(state_folder) + state.name));
    WEIR_ASSIGN(auto snapshot, table.snapshot());
    WEIR_ASSIGN(auto layout, layout_of(connection, state));
    WEIR_ASSIGN(const auto scan, lake::prepare_scan(table.store(), connection, snapshot, "s_" + state.name));
    for (const auto& statement : scan.setup) WEIR_TRY(connection.run(statement));
    const auto end = weir::to_string(interval.to);
    // Parts that were made without regard to days carry their last day.
    WEIR_ASSIGN(const auto later,
                lake::matching_files(snapshot, {{std::string(day_column), lake::Comparison::greater_equal, end}}));
    if (!later.empty() && !is_by_day(snapshot)) return std::optional<Source>();
    auto relation =
        fmt::format("(SELECT {} FROM {} WHERE {} < DATE '{}')", layout.from_lake, scan.relation, day_column, end);
    WEIR_TRY(connection.run(fmt::format("CREATE OR REPLACE TEMP VIEW {} AS FROM {}", state.name, relation)));
    return std::optional(Source{.table = std::move(table),
                                .snapshot = std::move(snapshot),
                                .columns = std::move(layout.from_lake),
                                .relation = std::move(relation),
                                .day_column = std::string(day_column)});
}

Status StateStore::drop(const State& state) {
    std::error_code error;
    const auto folder = lake_->root() / std::string(state_folder) / state.name;
    std::filesystem::remove_all(folder, error);
    if (error) return io_error("remove", folder, error.value());
    const std::lock_guard lock(mutex_);
    if (const auto kept = kept_.find(state.name); kept != kept_.end()) kept->second.done.reset();
    return ok();
}

Status StateStore::keep_only(const std::set<std::string>& names) {
    std::vector<std::filesystem::path> unused;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(lake_->root() / std::string(state_folder), error), end;
         !error && entry != end; entry.increment(error)) {
        const auto name = entry->path().filename().string();
        if (name.starts_with("state_") && !names.contains(name)) unused.push_back(entry->path());
    }
    for (const auto& folder : unused) {
        std::filesystem::remove_all(folder, error);
        if (error) return io_error("remove", folder, error.value());
    }
    return ok();
}

Result<std::optional<StateSize>> StateStore::size(const State& state) const {
    WEIR_ASSIGN(const auto table, lake_->table(std::string(state_folder) + state.name));
    WEIR_ASSIGN(const bool exists, table.exists());
    if (!exists) return std::optional<StateSize>{};
    WEIR_ASSIGN(const auto snapshot, table.snapshot());
    StateSize size{.files = snapshot.files().size()};
    for (const auto& file : snapshot.files()) {
        size.bytes += file.size_bytes;
        size.rows += lake::live_rows(file).value_or(0);
    }
    for (const auto& name : state.events) {
        WEIR_ASSIGN(const auto events, lake_->table(name));
        WEIR_ASSIGN(const bool there, events.exists());
        if (!there) continue;
        WEIR_ASSIGN(const auto now, events.snapshot());
        if (const auto held = snapshot.transaction_version(events_app(name, now))) size.positions[name] = *held;
    }
    return std::optional(std::move(size));
}

}  // namespace weir::view

#include "view/batch/state_inputs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>

#include "declare/project.h"
#include "lake/log/paths.h"
#include "lake/read/added_rows.h"
#include "lake/read/checksum.h"
#include "view/split/weights.h"

namespace weir::view {
namespace {

// New rows in files of this size together are read once and held.
constexpr std::int64_t held_bytes_max = std::int64_t{16} << 20;

Error no_table(const std::string& table) {
    return {.code = ErrorCode::not_found,
            .message = fmt::format("table '{}' does not exist in the lake yet", table),
            .hint = "run its source first: weir run --only " + table};
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

bool StateInputs::anything_new() const {
    return std::any_of(events.begin(), events.end(),
                       [](const auto& input) { return !input.second.changes || !input.second.changes->added.empty(); });
}

void StateInputs::forget_changes() {
    for (auto& [name, input] : events) input.changes.reset();
}

Result<StateInputs> inputs_of(const lake::Lake& lake, const State& state, const Versions& versions) {
    StateInputs inputs;
    const auto look = [&](const std::set<std::string>& names, auto& into) -> Status {
        for (const auto& name : names) {
            WEIR_ASSIGN(const auto table, lake.table(name));
            WEIR_ASSIGN(const bool exists, table.exists());
            const auto version = versions.find(name);
            const bool is_known = version != versions.end();
            if (!exists || (is_known && version->second == not_there)) return no_table(name);
            const auto at = !is_known ? lake::At(lake::Newest{}) : lake::TableVersion(version->second);
            WEIR_ASSIGN(auto snapshot, table.snapshot(at));
            into.emplace(name, StateInputs::Table{.table = table, .snapshot = std::move(snapshot)});
        }
        return ok();
    };
    WEIR_TRY(look(state.events, inputs.events));
    WEIR_TRY(look(state.references, inputs.references));
    return inputs;
}

std::string events_app(const std::string& table, const lake::Snapshot& snapshot) {
    return fmt::format("events:{}:{}", table, snapshot.metadata().id);
}
std::string reference_app(const std::string& table, const lake::Snapshot& snapshot) {
    return fmt::format("reference:{}:{}", table, snapshot.metadata().id);
}

Result<std::optional<std::string>> find_changes(StateInputs& inputs, const PositionOf& position_of) {
    using Why = std::optional<std::string>;
    for (auto& [name, input] : inputs.references) {
        const auto then = position_of(reference_app(name, input.snapshot));
        if (!then) return Why(fmt::format("reference table {} is not the one that it was", name));
        const auto changes =
            lake::changes_between(input.table.store(), lake::TableVersion(*then), input.snapshot.version());
        if (!changes || !changes->only_added || !changes->added.empty())
            return Why(fmt::format("reference table {} changed", name));
    }
    for (auto& [name, input] : inputs.events) {
        const auto then = position_of(events_app(name, input.snapshot));
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

Result<std::optional<std::string>> why_to_build(const lake::Table& table, const lake::Snapshot& state,
                                                StateInputs& inputs) {
    if (const auto whole = lake::verify_checksums(table.store(), state); !whole)
        return std::optional("it is damaged: " + whole.error().message);
    return find_changes(inputs, [&](const std::string& app) { return state.transaction_version(app); });
}

Result<std::string> HeldRows::relation(sql::Connection& on, const std::string& name, const StateInputs::Table& input) {
    std::string key = name;
    std::int64_t bytes = 0;
    for (const auto& added : input.changes->added) {
        key += "\n" + added.file.path;
        bytes += added.file.size_bytes;
    }
    const auto temporary = "new_" + name;
    if (bytes > held_bytes_max) return lake::prepare_added(input.table, on, input.snapshot, *input.changes, temporary);
    const std::lock_guard lock(mutex_);
    if (const auto held = tables_.find(key); held != tables_.end()) return held->second;
    WEIR_ASSIGN(const auto relation, lake::prepare_added(input.table, on, input.snapshot, *input.changes, temporary));
    static std::atomic<std::uint64_t> made = 0;
    auto held = fmt::format("weir_held_{}", made++);
    // Not a temporary table: all connections of the database read it.
    WEIR_TRY(on.run(fmt::format("CREATE OR REPLACE TABLE {} AS FROM {}", held, relation)));
    tables_.emplace(key, held);
    return held;
}

Status HeldRows::clear(sql::Connection& on) {
    const std::lock_guard lock(mutex_);
    for (const auto& [files, table] : tables_) WEIR_TRY(on.run("DROP TABLE IF EXISTS " + table));
    tables_.clear();
    return ok();
}

Result<NewRows> read_new_rows(sql::Connection& connection, const StateInputs& inputs, HeldRows& held) {
    NewRows rows;
    std::vector<std::string> ask_days;
    for (const auto& [name, input] : inputs.references) {
        WEIR_ASSIGN(const auto scan, lake::prepare_scan(input.table.store(), connection, input.snapshot, "r_" + name));
        for (const auto& statement : scan.setup) WEIR_TRY(connection.run(statement));
        WEIR_TRY(connection.run(
            fmt::format("CREATE OR REPLACE TEMP VIEW {} AS SELECT * FROM {}", sql::quote_name(name), scan.relation)));
    }
    for (const auto& [name, input] : inputs.events) {
        std::string relation;
        if (input.changes) {
            WEIR_ASSIGN(relation, held.relation(connection, name, input));
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
            rows.days.merge(*known);
        else
            ask_days.push_back(fmt::format("SELECT {} AS d FROM {}", declare::arrival_column, relation));
        rows.relations.emplace(name, std::move(relation));
    }
    if (!ask_days.empty()) {
        WEIR_ASSIGN(const auto found, connection.query(fmt::format("SELECT DISTINCT d::VARCHAR FROM ({})",
                                                                   fmt::join(ask_days, " UNION ALL "))));
        for (std::size_t row = 0; row < found.row_count(); ++row) rows.days.emplace(found.text(row, 0));
    }
    return rows;
}

std::vector<std::string> NewRows::pieces(bool by_day) const {
    std::vector<std::string> all(days.begin(), days.end());
    if (!by_day && !all.empty()) all = {all.back()};
    return all;
}

Status name_new_rows(sql::Connection& connection, const State& state, const NewRows& rows, const std::string& day) {
    const auto where = day.empty() ? std::string() : fmt::format(" WHERE {} = DATE '{}'", declare::arrival_column, day);
    for (const auto& [name, relation] : rows.relations) {
        for (const auto& view : {sql::quote_name(name), changes_relation(name)}) {
            if (view == changes_relation(name) && !state.weighted) continue;
            WEIR_TRY(connection.run(
                fmt::format("CREATE OR REPLACE TEMP VIEW {} AS SELECT * FROM {}{}", view, relation, where)));
        }
    }
    return ok();
}

}  // namespace weir::view

#include "view/batch/state_inputs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>

#include "declare/project.h"
#include "lake/read/added_rows.h"
#include "lake/read/checksum.h"
#include "lake/read/file_facts.h"
#include "model/interval.h"
#include "view/split/weights.h"

namespace weir::view {
namespace {

// False: rows have to be asked.
bool add_day(const lake::AddFile& file, const lake::TableState& table, std::set<std::string>& days) {
    const std::string column(declare::arrival_column);
    if (const auto value = file.partition_values.find(column); value != file.partition_values.end()) {
        if (value->second) days.insert(*value->second);
        return value->second.has_value();
    }
    const auto facts = lake::facts_of(file, table).columns[column];
    if (!facts.min || facts.min != facts.max || facts.null_count.value_or(1) != 0) return false;
    const auto* day = std::get_if<std::int64_t>(&*facts.min);
    if (day == nullptr) return false;
    days.insert(weir::to_string(Day(std::chrono::days(*day))));
    return true;
}

std::optional<std::set<std::string>> days_of(const StateInputs::Table& input) {
    if (input.arrivals) return arrival_days(input.arrivals->changes, input.snapshot);
    std::set<std::string> days;
    const auto& files = input.snapshot.files();
    const auto& table = input.snapshot.state();
    if (!std::all_of(files.begin(), files.end(), [&](const auto& file) { return add_day(file, table, days); }))
        return std::nullopt;
    return days;
}

}  // namespace

std::optional<std::set<std::string>> arrival_days(const lake::Changes& changes, const lake::Snapshot& snapshot) {
    std::set<std::string> days;
    if (!std::all_of(changes.added.begin(), changes.added.end(),
                     [&](const auto& added) { return add_day(added.file, snapshot.state(), days); }))
        return std::nullopt;
    return days;
}

std::int64_t size_of(const lake::Changes& changes) {
    std::int64_t bytes = 0;
    for (const auto& added : changes.added) bytes += added.file.size_bytes;
    return bytes;
}

bool StateInputs::anything_new() const {
    return std::any_of(events.begin(), events.end(), [](const auto& input) {
        return !input.second.arrivals || !input.second.arrivals->changes.added.empty();
    });
}

void StateInputs::forget_changes() {
    for (auto& [name, input] : events) input.arrivals.reset();
}

Result<StateInputs> inputs_of(PinnedTables& tables, const State& state) {
    StateInputs inputs;
    const auto look = [&](const std::set<std::string>& names, auto& into) -> Status {
        for (const auto& name : names) {
            WEIR_ASSIGN(auto pinned, tables.existing(name));
            into.emplace(name,
                         StateInputs::Table{.table = std::move(pinned.table), .snapshot = std::move(*pinned.snapshot)});
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

Result<std::optional<std::string>> find_changes(PinnedTables& tables, StateInputs& inputs,
                                                const PositionOf& position_of) {
    using Why = std::optional<std::string>;
    for (auto& [name, input] : inputs.references) {
        const auto then = position_of(reference_app(name, input.snapshot));
        if (!then) return Why(fmt::format("reference table {} is not the one that it was", name));
        WEIR_ASSIGN(const auto arrivals, tables.since(name, *then));
        if (!arrivals->broken.empty() || !arrivals->changes.added.empty())
            return Why(fmt::format("reference table {} changed", name));
    }
    for (auto& [name, input] : inputs.events) {
        const auto then = position_of(events_app(name, input.snapshot));
        if (!then) return Why(fmt::format("table {} is not the one that it was", name));
        WEIR_ASSIGN(auto arrivals, tables.since(name, *then));
        if (!arrivals->broken.empty()) return Why(arrivals->broken);
        input.arrivals = std::move(arrivals);
    }
    return Why();
}

Result<std::optional<std::string>> why_to_build(PinnedTables& tables, const lake::Table& table,
                                                const lake::Snapshot& state, StateInputs& inputs) {
    if (const auto whole = lake::verify_checksums(table.store(), state); !whole)
        return std::optional("it is damaged: " + whole.error().message);
    return find_changes(tables, inputs, [&](const std::string& app) { return state.transaction_version(app); });
}

const std::set<std::string>* columns_of(const StateColumns& columns, const std::string& table) {
    const auto found = columns.find(table);
    return found == columns.end() ? nullptr : &found->second;
}

Result<std::string> HeldRows::relation(sql::Connection& on, const std::string& name, const StateInputs::Table& input) {
    const auto& changes = input.arrivals->changes;
    const auto temporary = "new_" + name;
    const auto* columns = columns_of(columns_, name);
    if (size_of(changes) > held_bytes_max)
        return lake::prepare_added(input.table, on, input.snapshot, changes, temporary, columns);
    const std::lock_guard lock(mutex_);
    if (const auto held = tables_.find(input.arrivals); held != tables_.end()) return held->second;
    WEIR_ASSIGN(const auto relation, lake::prepare_added(input.table, on, input.snapshot, changes, temporary, columns));
    static std::atomic<std::uint64_t> made = 0;
    auto held = fmt::format("weir_held_{}", made++);
    // Not a temporary table: all connections of the database read it.
    WEIR_TRY(on.run(fmt::format("CREATE OR REPLACE TABLE {} AS FROM {}", held, relation)));
    tables_.emplace(input.arrivals, held);
    return held;
}

Status HeldRows::clear(sql::Connection& on) {
    const std::lock_guard lock(mutex_);
    for (const auto& [arrivals, table] : tables_) WEIR_TRY(on.run("DROP TABLE IF EXISTS " + table));
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
        if (input.arrivals) {
            WEIR_ASSIGN(relation, held.relation(connection, name, input));
        } else {
            WEIR_ASSIGN(const auto scan,
                        lake::prepare_scan(input.table.store(), connection, input.snapshot, "e_" + name));
            for (const auto& statement : scan.setup) WEIR_TRY(connection.run(statement));
            relation = scan.relation;
        }
        if (auto known = days_of(input))
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

#include "view/speed/live_states.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "view/batch/refresh.h"
#include "view/batch/state_layout.h"

namespace weir::view {
namespace {

// Fewer rows in memory are not worth merging.
constexpr std::int64_t merge_from_rows = 10'000;

std::string columns_of(const StateLayout& layout) {
    std::vector<std::string> names;
    for (const auto& field : layout.schema.fields) names.push_back(field.name);
    return fmt::format("{}", fmt::join(names, ", "));
}

// Whether the lake's part is still the newest; nothing: it has none.
bool is_newest(const lake::Table& table, const std::optional<lake::Snapshot>& part) {
    const auto now = table.newest();
    // One that cannot be read is none that we have.
    if (!now || now->has_value() != part.has_value()) return false;
    return !part || position_of(*part) == position_of(**now);
}

}  // namespace

Result<std::unique_ptr<LiveStates>> LiveStates::open(const lake::Lake& lake, sql::Database& database,
                                                     const StateColumns& columns) {
    WEIR_ASSIGN(auto newest, NewestRows::open(database, columns));
    return std::unique_ptr<LiveStates>(new LiveStates(lake, database, std::move(newest), columns));
}

Status LiveStates::move_to(std::shared_ptr<PinnedTables> tables, const Versions& versions) {
    if (tables == tables_) return ok();
    WEIR_TRY(new_rows_.clear(newest_.connection()));
    WEIR_TRY(newest_.move_to(tables, versions));
    tables_ = std::move(tables);
    look_again();
    return ok();
}

void LiveStates::look_again() {
    for (auto& [name, held] : held_) held.done = false;
}

StateSizes LiveStates::sizes() const {
    StateSizes sizes{.states = static_cast<std::int64_t>(held_.size())};
    for (const auto& [name, held] : held_) {
        sizes.memory_rows += held.rows;
        if (!held.in_lake) continue;
        for (const auto& file : held.in_lake->files()) {
            sizes.lake_rows += lake::live_rows(file).value_or(0);
            sizes.lake_bytes += file.size_bytes;
        }
    }
    return sizes;
}

Result<CatchUp> LiveStates::catch_up(const State& state, bool by_day) {
    auto& held = held_[state.name];
    if (held.done) return CatchUp{};
    held.by_day = held.by_day || by_day;
    WEIR_ASSIGN(auto result, bring_up(state, held));
    held.done = true;
    return result;
}

Result<CatchUp> LiveStates::bring_up(const State& state, Held& held) {
    WEIR_ASSIGN(const auto table, state_table(*lake_, state));
    if (!held.layout) {
        WEIR_ASSIGN(held.layout, layout_of(newest_.connection(), state));
    }
    bool go_on = false;
    if (held.begun) go_on = is_newest(table, held.in_lake);
    if (go_on) {
        WEIR_ASSIGN(const auto added, add_newest(state, held));
        if (added) return *added;
    }
    WEIR_ASSIGN(auto inputs, inputs_of(*tables_, state));
    if (go_on) {
        WEIR_ASSIGN(const auto why, find_changes(*tables_, inputs, [&](const auto& app) -> std::optional<std::int64_t> {
                        const auto found = held.positions.find(app);
                        return found == held.positions.end() ? std::nullopt : std::optional(found->second);
                    }));
        go_on = !why;
    }
    WEIR_ASSIGN(auto connection, database_->connect());
    CatchUp result;
    if (!go_on) {
        held.begun = false;
        held.in_lake.reset();
        WEIR_ASSIGN(const bool exists, table.exists());
        if (exists) {
            // One that cannot be read is made anew, here in memory and by the next run in the lake.
            if (auto snapshot = table.snapshot()) held.in_lake = std::move(*snapshot);
        }
        WEIR_TRY(empty_memory(connection, state, held));
        WEIR_ASSIGN(result.why, begin(state, held, inputs));
        result.what = result.why.empty() ? CatchUp::What::nothing_new : CatchUp::What::built_again;
    }
    if (inputs.anything_new()) {
        const auto before = held.rows;
        held.begun = false;  // until it is done
        WEIR_TRY(add(connection, state, held, inputs));
        result.rows = held.rows - before;
        if (result.what == CatchUp::What::nothing_new) result.what = CatchUp::What::added;
        WEIR_TRY(merge_where_grown(state, held));
    }
    held.positions.clear();
    held.versions.clear();
    const auto reached = [&](const std::string& name, const std::string& app, const StateInputs::Table& input) {
        held.positions[app] = held.versions[name] = input.snapshot.version().get();
    };
    for (const auto& [name, input] : inputs.events) reached(name, events_app(name, input.snapshot), input);
    for (const auto& [name, input] : inputs.references) reached(name, reference_app(name, input.snapshot), input);
    held.begun = true;
    return result;
}

Result<std::optional<CatchUp>> LiveStates::add_newest(const State& state, Held& held) {
    WEIR_ASSIGN(const auto piece, newest_.rows_for(state, held.versions));
    if (!piece || (held.by_day && !piece->one_day)) return std::optional<CatchUp>();
    CatchUp result;
    if (!piece->empty) {
        if (!held.add_newest || held.add_newest_day != piece->day) {
            WEIR_ASSIGN(held.add_newest,
                        newest_.connection().prepare(fmt::format("INSERT INTO {} {}", held.memory,
                                                                 select_partial(state, *held.layout, piece->day))));
            held.add_newest_day = piece->day;
        }
        held.begun = false;  // until it is done
        WEIR_ASSIGN(result.rows, held.add_newest->run());
        result.what = CatchUp::What::added;
        held.rows += result.rows;
        held.last_day = std::max(held.last_day, piece->day);
        WEIR_TRY(merge_where_grown(state, held));
        held.begun = true;
    }
    for (const auto& name : state.events) {
        WEIR_ASSIGN(const auto pinned, tables_->existing(name));
        held.positions[events_app(name, *pinned.snapshot)] = held.versions[name] = pinned.snapshot->version().get();
    }
    return std::optional(std::move(result));
}

Status LiveStates::empty_memory(sql::Connection& connection, const State& state, Held& held) {
    held.rows = held.rows_merged = 0;
    held.last_day.clear();
    if (!held.memory.empty()) return connection.run("DELETE FROM " + held.memory);
    std::vector<std::string> columns;
    for (const auto& field : held.layout->schema.fields)
        columns.push_back(fmt::format("{} {}", field.name, to_duckdb(field.type)));
    const auto table = newest_.memory().table(state.name);
    WEIR_TRY(connection.run(fmt::format("CREATE TABLE {}({})", table, fmt::join(columns, ", "))));
    held.memory = table;
    return ok();
}

Result<std::string> LiveStates::begin(const State& state, Held& held, StateInputs& inputs) {
    std::string why = "it is not in the lake yet";
    if (held.in_lake) {
        for (const auto& [name, input] : inputs.events) {
            const auto reached = held.in_lake->transaction_version(events_app(name, input.snapshot));
            if (reached && *reached > input.snapshot.version().get())
                return Error{.code = ErrorCode::table_conflict,
                             .message = fmt::format("a run has taken in more of table {} meanwhile", name),
                             .hint = "ask again"};
        }
        WEIR_ASSIGN(const auto table, state_table(*lake_, state));
        WEIR_ASSIGN(const auto reason, why_to_build(*tables_, table, *held.in_lake, inputs));
        why = reason.value_or("");
        if (why.empty() && held.by_day && !is_by_day(*held.in_lake)) why = "a view keeps every interval now";
    }
    if (why.empty()) {
        held.by_day = is_by_day(*held.in_lake);
        return why;
    }
    held.in_lake.reset();
    inputs.forget_changes();
    return why;
}

Status LiveStates::add(sql::Connection& connection, const State& state, Held& held, const StateInputs& inputs) {
    WEIR_ASSIGN(const auto news, read_new_rows(connection, inputs, new_rows_));
    WEIR_TRY(connection.run("BEGIN"));
    for (const auto& day : news.pieces(held.by_day)) {
        WEIR_TRY(name_new_rows(connection, state, news, held.by_day ? day : ""));
        WEIR_ASSIGN(auto statement, connection.prepare(fmt::format("INSERT INTO {} {}", held.memory,
                                                                   select_partial(state, *held.layout, day))));
        WEIR_ASSIGN(const auto rows, statement.run());
        held.rows += rows;
        held.last_day = std::max(held.last_day, day);
    }
    return connection.run("COMMIT");
}

Status LiveStates::merge_where_grown(const State& state, Held& held) {
    if (held.rows <= merge_from_rows || held.rows <= 2 * held.rows_merged) return ok();
    WEIR_ASSIGN(auto connection, database_->connect());
    return merge(connection, state, held);
}

Status LiveStates::merge(sql::Connection& connection, const State& state, Held& held) {
    const auto& layout = *held.layout;
    WEIR_ASSIGN(const auto days, connection.query(fmt::format("SELECT DISTINCT {0}::VARCHAR FROM {1} ORDER BY 1",
                                                              state_day_column, held.memory)));
    NewRows parts;
    for (std::size_t row = 0; row < days.row_count(); ++row) parts.days.emplace(days.text(row, 0));
    std::vector<std::string> merged;
    for (const auto& day : parts.pieces(held.by_day)) {
        const auto part = fmt::format("merged_{}", merged.size());
        const auto only = held.by_day ? fmt::format(" WHERE {} = DATE '{}'", state_day_column, day) : std::string();
        WEIR_TRY(connection.run(fmt::format("CREATE OR REPLACE TEMP VIEW {} AS SELECT {} FROM {}{}", state.name,
                                            layout.from_lake, held.memory, only)));
        merged.push_back(part);
        WEIR_TRY(connection.run(fmt::format("CREATE OR REPLACE TEMP TABLE {} AS SELECT DATE '{}' AS {}{} FROM ({})",
                                            part, day, state_day_column, layout.to_lake, state.merge)));
    }
    WEIR_TRY(connection.run("BEGIN"));
    WEIR_TRY(connection.run("DELETE FROM " + held.memory));
    held.rows = 0;
    for (const auto& part : merged) {
        WEIR_ASSIGN(auto statement, connection.prepare(fmt::format("INSERT INTO {} FROM {}", held.memory, part)));
        WEIR_ASSIGN(const auto rows, statement.run());
        held.rows += rows;
    }
    held.rows_merged = held.rows;
    return connection.run("COMMIT");
}

Result<std::optional<Source>> LiveStates::open(sql::Connection& connection, const State& state,
                                               const Interval& interval) {
    auto& held = held_.at(state.name);
    auto& layout = *held.layout;
    WEIR_ASSIGN(auto table, state_table(*lake_, state));
    const auto end = weir::to_string(interval.to);
    const auto columns = columns_of(layout);
    std::vector<std::string> parts;
    const auto seen = [&](const std::string& rows) {
        return fmt::format("(SELECT {} FROM ({}) WHERE {} < DATE '{}')", layout.from_lake, rows, state_day_column, end);
    };
    std::string newer;
    if (held.in_lake) {
        WEIR_ASSIGN(const auto later, lake::matching_files(*held.in_lake, {{std::string(state_day_column),
                                                                            lake::Comparison::greater_equal, end}}));
        if (!later.empty() && !held.by_day) return std::optional<Source>();
        WEIR_ASSIGN(const auto scan, lake::prepare_scan(table.store(), connection, *held.in_lake, "s_" + state.name));
        for (const auto& statement : scan.setup) WEIR_TRY(connection.run(statement));
        parts.push_back(fmt::format("SELECT {} FROM {}", columns, scan.relation));
    }
    if (held.rows > 0) {
        if (held.last_day >= end && !held.by_day) return std::optional<Source>();
        parts.push_back(fmt::format("SELECT {} FROM {}", columns, held.memory));
        newer = seen(parts.back());
    }
    if (parts.empty()) {
        std::vector<std::string> nothing;
        for (const auto& field : layout.schema.fields)
            nothing.push_back(fmt::format("NULL::{} AS {}", to_duckdb(field.type), field.name));
        parts.push_back(fmt::format("SELECT {} WHERE false", fmt::join(nothing, ", ")));
    }
    auto relation = seen(fmt::format("{}", fmt::join(parts, " UNION ALL ")));
    WEIR_TRY(connection.run(fmt::format("CREATE OR REPLACE TEMP VIEW {} AS FROM {}", state.name, relation)));
    return std::optional(Source{.table = std::move(table),
                                .snapshot = held.in_lake,
                                .newer = std::move(newer),
                                .columns = layout.from_lake,
                                .relation = std::move(relation),
                                .day_column = std::string(state_day_column)});
}

}  // namespace weir::view

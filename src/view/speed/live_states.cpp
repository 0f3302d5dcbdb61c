#include "view/speed/live_states.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "view/batch/state_layout.h"

namespace weir::view {
namespace {

// Fewer rows in memory are not worth merging.
constexpr std::int64_t merge_from_rows = 10'000;

std::string memory_table(const State& state) { return "weir_live_" + state.name; }

std::string columns_of(const StateLayout& layout) {
    std::vector<std::string> names;
    for (const auto& field : layout.schema.fields) names.push_back(field.name);
    return fmt::format("{}", fmt::join(names, ", "));
}

bool same_version(const std::optional<lake::Snapshot>& a, const std::optional<lake::Snapshot>& b) {
    if (!a || !b) return !a && !b;
    return a->version() == b->version() && a->metadata().id == b->metadata().id;
}

}  // namespace

Status LiveStates::move_to(Versions versions) {
    WEIR_ASSIGN(auto connection, database_->connect());
    WEIR_TRY(new_rows_.clear(connection));
    const std::lock_guard lock(mutex_);
    versions_ = std::move(versions);
    for (auto& [name, held] : held_) held.done = false;
    return ok();
}

LiveStates::Held& LiveStates::held(const State& state) {
    const std::lock_guard lock(mutex_);
    return held_[state.name];
}

Result<CatchUp> LiveStates::catch_up(const State& state, bool by_day) {
    auto& held = this->held(state);
    const std::lock_guard lock(held.mutex);
    if (held.done) return CatchUp{};
    held.by_day = held.by_day || by_day;
    WEIR_ASSIGN(auto result, bring_up(state, held));
    held.done = true;
    return result;
}

Result<CatchUp> LiveStates::bring_up(const State& state, Held& held) {
    WEIR_ASSIGN(auto inputs, inputs_of(*lake_, state, versions_));
    WEIR_ASSIGN(const auto table, state_table(*lake_, state));
    std::optional<lake::Snapshot> newest;
    WEIR_ASSIGN(const bool exists, table.exists());
    if (exists) {
        // One that cannot be read is made anew, here in memory and by the next run in the lake.
        if (auto snapshot = table.snapshot()) newest = std::move(*snapshot);
    }
    CatchUp result;
    bool go_on = held.begun && same_version(held.in_lake, newest);
    if (go_on) {
        WEIR_ASSIGN(const auto why, find_changes(inputs, [&](const std::string& app) -> std::optional<std::int64_t> {
                        const auto found = held.positions.find(app);
                        return found == held.positions.end() ? std::nullopt : std::optional(found->second);
                    }));
        go_on = !why;
    }
    WEIR_ASSIGN(auto connection, database_->connect());
    if (!go_on) {
        held.in_lake = std::move(newest);
        WEIR_TRY(connection.run("DROP TABLE IF EXISTS " + memory_table(state)));
        held.rows = held.rows_merged = 0;
        held.begun = false;
        WEIR_ASSIGN(result.why, begin(state, held, inputs));
        result.what = result.why.empty() ? CatchUp::What::nothing_new : CatchUp::What::built_again;
    }
    if (inputs.anything_new()) {
        const auto before = held.rows;
        held.begun = false;  // until it is done
        WEIR_TRY(add(connection, state, held, inputs));
        result.rows = held.rows - before;
        if (result.what == CatchUp::What::nothing_new) result.what = CatchUp::What::added;
        if (held.rows > merge_from_rows && held.rows > 2 * held.rows_merged) WEIR_TRY(merge(connection, state, held));
    }
    held.positions.clear();
    for (const auto& [name, input] : inputs.events)
        held.positions[events_app(name, input.snapshot)] = input.snapshot.version().get();
    for (const auto& [name, input] : inputs.references)
        held.positions[reference_app(name, input.snapshot)] = input.snapshot.version().get();
    held.begun = true;
    return result;
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
        WEIR_ASSIGN(const auto reason, why_to_build(table, *held.in_lake, inputs));
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
    WEIR_ASSIGN(const auto layout, layout_of(connection, state));
    WEIR_ASSIGN(const auto news, read_new_rows(connection, inputs, new_rows_));
    WEIR_TRY(connection.run("BEGIN"));
    for (const auto& day : news.pieces(held.by_day)) {
        WEIR_TRY(name_new_rows(connection, state, news, held.by_day ? day : ""));
        const auto rows = select_partial(state, layout, day);
        WEIR_TRY(connection.run(held.rows == 0
                                    ? fmt::format("CREATE OR REPLACE TABLE {} AS {}", memory_table(state), rows)
                                    : fmt::format("INSERT INTO {} {}", memory_table(state), rows)));
        WEIR_ASSIGN(const auto count, connection.query("SELECT count(*) FROM " + memory_table(state)));
        held.rows = count.integer(0, 0);
    }
    return connection.run("COMMIT");
}

Status LiveStates::merge(sql::Connection& connection, const State& state, Held& held) {
    WEIR_ASSIGN(const auto layout, layout_of(connection, state));
    const auto memory = memory_table(state);
    WEIR_ASSIGN(const auto days, connection.query(fmt::format("SELECT DISTINCT {0}::VARCHAR FROM {1} ORDER BY 1",
                                                              state_day_column, memory)));
    NewRows parts;
    for (std::size_t row = 0; row < days.row_count(); ++row) parts.days.emplace(days.text(row, 0));
    std::vector<std::string> merged;
    for (const auto& day : parts.pieces(held.by_day)) {
        const auto view = fmt::format("{}_{}", memory, merged.size());
        const auto only = held.by_day ? fmt::format(" WHERE {} = DATE '{}'", state_day_column, day) : std::string();
        WEIR_TRY(connection.run(fmt::format("CREATE OR REPLACE TEMP VIEW {} AS SELECT {} FROM {}{}", state.name,
                                            layout.from_lake, memory, only)));
        merged.push_back(view);
        WEIR_TRY(connection.run(fmt::format("CREATE OR REPLACE TEMP TABLE {} AS SELECT DATE '{}' AS {}{} FROM ({})",
                                            view, day, state_day_column, layout.to_lake, state.merge)));
    }
    WEIR_TRY(connection.run(
        fmt::format("CREATE OR REPLACE TABLE {} AS FROM {}", memory, fmt::join(merged, " UNION ALL FROM "))));
    WEIR_ASSIGN(const auto count, connection.query("SELECT count(*) FROM " + memory));
    held.rows = held.rows_merged = count.integer(0, 0);
    return ok();
}

Result<std::optional<Source>> LiveStates::open(sql::Connection& connection, const State& state,
                                               const Interval& interval) {
    auto& held = this->held(state);
    const std::lock_guard lock(held.mutex);
    WEIR_ASSIGN(auto table, state_table(*lake_, state));
    WEIR_ASSIGN(auto layout, layout_of(connection, state));
    const auto end = weir::to_string(interval.to);
    const auto columns = columns_of(layout);
    std::vector<std::string> parts;
    if (held.in_lake) {
        WEIR_ASSIGN(const auto later, lake::matching_files(*held.in_lake, {{std::string(state_day_column),
                                                                            lake::Comparison::greater_equal, end}}));
        if (!later.empty() && !held.by_day) return std::optional<Source>();
        WEIR_ASSIGN(const auto scan, lake::prepare_scan(table.store(), connection, *held.in_lake, "s_" + state.name));
        for (const auto& statement : scan.setup) WEIR_TRY(connection.run(statement));
        parts.push_back(fmt::format("SELECT {} FROM {}", columns, scan.relation));
    }
    if (held.rows > 0) {
        WEIR_ASSIGN(const auto later, connection.query(fmt::format("SELECT count(*) FROM {} WHERE {} >= DATE '{}'",
                                                                   memory_table(state), state_day_column, end)));
        if (later.integer(0, 0) > 0 && !held.by_day) return std::optional<Source>();
        parts.push_back(fmt::format("SELECT {} FROM {}", columns, memory_table(state)));
    }
    if (parts.empty()) {
        std::vector<std::string> nothing;
        for (const auto& field : layout.schema.fields)
            nothing.push_back(fmt::format("NULL::{} AS {}", to_duckdb(field.type), field.name));
        parts.push_back(fmt::format("SELECT {} WHERE false", fmt::join(nothing, ", ")));
    }
    auto relation = fmt::format("(SELECT {} FROM ({}) WHERE {} < DATE '{}')", layout.from_lake,
                                fmt::join(parts, " UNION ALL "), state_day_column, end);
    WEIR_TRY(connection.run(fmt::format("CREATE OR REPLACE TEMP VIEW {} AS FROM {}", state.name, relation)));
    return std::optional(Source{.table = std::move(table),
                                .snapshot = held.rows > 0 ? std::nullopt : held.in_lake,
                                .columns = std::move(layout.from_lake),
                                .relation = std::move(relation),
                                .day_column = std::string(state_day_column)});
}

}  // namespace weir::view

#include "view/batch/state_store.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

#include "base/file.h"
#include "declare/project.h"
#include "lake/read/file_facts.h"
#include "view/batch/state_layout.h"

namespace weir::view {
namespace {

// Above this, the parts of a state are merged into one.
constexpr std::size_t parts_max = 12;

// A name a line.
constexpr const char* built_file = ".weir/states";
constexpr std::size_t built_bytes_max = std::size_t{1} << 20;

}  // namespace

Result<CatchUp> StateStore::catch_up(const State& state, bool by_day) {
    Kept* kept = nullptr;
    {
        const std::lock_guard lock(mutex_);
        kept = &kept_[state.name];
    }
    const std::lock_guard lock(kept->mutex);
    if (!kept->done) {
        auto done = bring_up(state, by_day);
        if (!done) {
            // In a text that nobody wrote.
            done.error().where = {};
            return std::move(done).error();
        }
        kept->done = std::move(*done);
    }
    return *kept->done;
}

Result<CatchUp> StateStore::bring_up(const State& state, bool by_day) {
    WEIR_ASSIGN(auto inputs, inputs_of(*tables_, state));
    WEIR_ASSIGN(const auto table, state_table(*lake_, state));
    WEIR_ASSIGN(const bool exists, table.exists());
    std::optional<lake::Snapshot> known;
    std::string why;
    if (exists) {
        auto snapshot = table.snapshot();
        if (snapshot) {
            WEIR_ASSIGN(auto reason, why_to_build(*tables_, table, *snapshot, inputs));
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
    const bool lost = !exists && was_built(state.name);
    if (lost) {
        std::error_code ignored;
        why = std::filesystem::is_directory(folder_of(state), ignored) ? "its log is gone" : "it is gone";
    }
    if (!known) {
        if (exists || lost) WEIR_TRY(drop(state));
        inputs.forget_changes();
        WEIR_ASSIGN(const auto rows, write(state, by_day, inputs, std::nullopt));
        WEIR_TRY(change_built([&](auto& names) { names.insert(state.name); }));
        return CatchUp{exists || lost ? CatchUp::What::built_again : CatchUp::What::built, why, rows};
    }
    WEIR_TRY(change_built([&](auto& names) { names.insert(state.name); }));
    if (!inputs.anything_new()) return CatchUp{};
    WEIR_ASSIGN(const auto rows, write(state, by_day, inputs, std::move(known)));
    WEIR_TRY(compact(state, by_day));
    return CatchUp{CatchUp::What::added, {}, rows};
}

Result<StateLayout> StateStore::layout_once(const State& state) {
    {
        const std::lock_guard lock(mutex_);
        if (const auto known = layouts_.find(state.name); known != layouts_.end()) return known->second;
    }
    WEIR_ASSIGN(auto layout, engine_->layout(state));
    const std::lock_guard lock(mutex_);
    return layouts_.emplace(state.name, std::move(layout)).first->second;
}

Result<std::int64_t> StateStore::write(const State& state, bool by_day, const StateInputs& inputs,
                                       std::optional<lake::Snapshot> onto) {
    WEIR_ASSIGN(const auto layout, layout_once(state));
    auto table = state_table(*lake_, state);
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
    WEIR_ASSIGN(const auto rows, engine_->stage_partial(state, layout, inputs, by_day, *transaction));
    const auto reach = [&](const std::string& app, const StateInputs::Table& input) -> Status {
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
    WEIR_ASSIGN(auto table, state_table(*lake_, state));
    table.set_clock(*clock_);
    WEIR_ASSIGN(auto snapshot, table.snapshot());
    if (snapshot.files().size() <= parts_max) return ok();
    WEIR_ASSIGN(const auto layout, layout_once(state));
    WEIR_ASSIGN(auto transaction, lake::Transaction::begin(table, snapshot));
    WEIR_ASSIGN(const bool merged, engine_->stage_merged(state, layout, snapshot, by_day, transaction));
    if (!merged) return ok();
    transaction.set_operation("OPTIMIZE");
    WEIR_ASSIGN(const auto committed, lake::commit_or_fail(std::move(transaction)));
    static_cast<void>(committed);
    return ok();
}

Result<std::optional<Source>> StateStore::open(sql::Connection& connection, const State& state,
                                               const Interval& interval) {
    WEIR_ASSIGN(auto table, state_table(*lake_, state));
    WEIR_ASSIGN(auto snapshot, table.snapshot());
    WEIR_ASSIGN(auto layout, layout_once(state));
    WEIR_ASSIGN(const auto scan, lake::prepare_scan(table.store(), connection, snapshot, "s_" + state.name));
    for (const auto& statement : scan.setup) WEIR_TRY(connection.run(statement));
    const auto end = weir::to_string(interval.to);
    // Parts that were made without regard to days carry their last day.
    WEIR_ASSIGN(
        const auto later,
        lake::matching_files(snapshot, {{std::string(state_day_column), lake::Comparison::greater_equal, end}}));
    if (!later.empty() && !is_by_day(snapshot)) return std::optional<Source>();
    auto relation =
        fmt::format("(SELECT {} FROM {} WHERE {} < DATE '{}')", layout.from_lake, scan.relation, state_day_column, end);
    WEIR_TRY(connection.run(fmt::format("CREATE OR REPLACE TEMP VIEW {} AS FROM {}", state.name, relation)));
    return std::optional(Source{.table = std::move(table),
                                .snapshot = std::move(snapshot),
                                .columns = std::move(layout.from_lake),
                                .relation = std::move(relation),
                                .day_column = std::string(state_day_column)});
}

Status StateStore::drop(const State& state) {
    std::error_code error;
    const auto folder = folder_of(state);
    std::filesystem::remove_all(folder, error);
    if (error) return io_error("remove", folder, error.value());
    WEIR_TRY(change_built([&](auto& names) { names.erase(state.name); }));
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
    return change_built(
        [&](auto& built) { std::erase_if(built, [&](const auto& each) { return !names.contains(each); }); });
}

std::filesystem::path StateStore::folder_of(const State& state) const {
    return lake_->root() / std::string(state_folder) / state.name;
}

std::set<std::string>& StateStore::built() {
    if (!built_) {
        built_.emplace();
        // It only decides what is told: one that cannot be read is begun anew.
        const auto text = read_file(lake_->root() / built_file, built_bytes_max);
        std::istringstream lines(text ? *text : std::string());
        for (std::string line; std::getline(lines, line);) built_->insert(line);
    }
    return *built_;
}

bool StateStore::was_built(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return built().contains(name);
}

Status StateStore::change_built(const std::function<void(std::set<std::string>&)>& change) {
    const std::lock_guard lock(mutex_);
    auto names = built();
    change(names);
    if (names == *built_) return ok();
    const auto file = lake_->root() / built_file;
    WEIR_TRY(make_directories(file.parent_path()));
    WEIR_TRY(write_file_atomic(file, fmt::format("{}\n", fmt::join(names, "\n")), false));
    built_ = std::move(names);
    return ok();
}

Result<std::optional<StateSize>> state_size(const lake::Lake& lake, const State& state) {
    WEIR_ASSIGN(const auto table, state_table(lake, state));
    WEIR_ASSIGN(const auto snapshot, table.newest());
    if (!snapshot) return std::optional<StateSize>{};
    StateSize size{.files = snapshot->files().size()};
    for (const auto& file : snapshot->files()) {
        size.bytes += file.size_bytes;
        size.rows += lake::live_rows(file).value_or(0);
    }
    for (const auto& name : state.events) {
        WEIR_ASSIGN(const auto events, lake.table(name));
        WEIR_ASSIGN(const auto now, events.newest());
        if (!now) continue;
        if (const auto held = snapshot->transaction_version(events_app(name, *now))) size.positions[name] = *held;
    }
    return std::optional(std::move(size));
}

}  // namespace weir::view

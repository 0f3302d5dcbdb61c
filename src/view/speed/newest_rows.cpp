#include "view/speed/newest_rows.h"

#include <fmt/format.h>

#include <atomic>

#include "declare/project.h"
#include "lake/read/added_rows.h"
#include "view/batch/refresh.h"
#include "view/split/weights.h"

namespace weir::view {

Result<std::unique_ptr<MemoryDatabase>> MemoryDatabase::attach(sql::Database& database) {
    static std::atomic<std::uint64_t> made = 0;
    auto name = fmt::format("weir_memory_{}", made++);
    WEIR_ASSIGN(auto connection, database.connect());
    WEIR_TRY(connection.run(fmt::format("ATTACH ':memory:' AS {}", name)));
    return std::unique_ptr<MemoryDatabase>(new MemoryDatabase(database, std::move(name)));
}

MemoryDatabase::~MemoryDatabase() {
    // It ends with the database; one that cannot be detached before costs memory only.
    if (auto connection = database_->connect()) static_cast<void>(connection->run("DETACH " + name_));
}

std::string MemoryDatabase::table(const std::string& name) const {
    return fmt::format("{}.main.{}", name_, sql::quote_name(name));
}

Result<NewestRows> NewestRows::open(sql::Database& database, StateColumns columns) {
    WEIR_ASSIGN(auto memory, MemoryDatabase::attach(database));
    WEIR_ASSIGN(auto connection, database.connect());
    WEIR_TRY(connection.run("SET GLOBAL disabled_optimizers = 'statistics_propagation'"));
    return NewestRows(std::move(memory), std::move(connection), std::move(columns));
}

Status NewestRows::move_to(std::shared_ptr<PinnedTables> tables, Versions versions) {
    for (auto& [name, slot] : slots_) {
        if (slot.filled) WEIR_TRY(connection_.run("DELETE FROM " + slot.table));
        slot.filled = false;
        slot.arrivals.reset();
        slot.days.clear();
    }
    tables_ = std::move(tables);
    before_ = std::exchange(now_, std::move(versions));
    return ok();
}

Result<std::optional<NewestRows::Piece>> NewestRows::rows_for(const State& state,
                                                              const std::map<std::string, std::int64_t>& positions) {
    const auto version = [](const Versions& versions, const std::string& name) {
        const auto found = versions.find(name);
        return found == versions.end() ? not_there : found->second;
    };
    const auto held = [&](const std::string& name) { return version(positions, name); };
    for (const auto& name : state.references)
        if (held(name) == not_there || held(name) != version(now_, name)) return std::optional<Piece>();
    bool changed = false;
    for (const auto& name : state.events) {
        const auto then = version(before_, name), now = version(now_, name);
        if (held(name) == not_there || held(name) != then) return std::optional<Piece>();
        changed = changed || then != now;
    }
    Piece piece;
    if (!changed) return std::optional(piece);
    std::set<std::string> days;
    for (const auto& name : state.events) {
        auto& slot = slots_[name];
        WEIR_ASSIGN(const bool filled, fill(name, slot));
        if (!filled) return std::optional<Piece>();
        piece.empty = piece.empty && slot.arrivals->changes.added.empty();
        days.insert(slot.days.begin(), slot.days.end());
        if (!std::exchange(slot.named, true)) WEIR_TRY(show(slot, sql::quote_name(name)));
        if (state.weighted && !std::exchange(slot.named_for_weights, true))
            WEIR_TRY(show(slot, changes_relation(name)));
    }
    if (piece.empty) return std::optional(piece);
    if (days.empty()) return std::optional<Piece>();
    for (const auto& name : state.references) WEIR_TRY(show_reference(name));
    piece.day = *days.rbegin();
    piece.one_day = days.size() <= 1;
    return std::optional(piece);
}

Result<bool> NewestRows::fill(const std::string& name, Slot& slot) {
    if (!slot.arrivals) {
        WEIR_ASSIGN(slot.arrivals, tables_->since(name, before_.at(name)));
    }
    const auto& changes = slot.arrivals->changes;
    if (!slot.arrivals->broken.empty() || size_of(changes) > held_bytes_max) return false;
    if (slot.filled || (changes.added.empty() && !slot.table.empty())) return true;
    WEIR_ASSIGN(const auto pinned, tables_->existing(name));
    WEIR_ASSIGN(const auto relation, lake::prepare_added(pinned.table, connection_, *pinned.snapshot, changes,
                                                         "newest_" + name, columns_of(columns_, name)));
    if (slot.table.empty()) {
        const auto table = memory_->table(name);
        WEIR_TRY(connection_.run(fmt::format("CREATE TABLE {} AS FROM {} LIMIT 0", table, relation)));
        slot.table = table;
    }
    WEIR_TRY(connection_.run(fmt::format("INSERT INTO {} BY NAME FROM {}", slot.table, relation)));
    slot.filled = true;
    if (auto days = arrival_days(changes, *pinned.snapshot)) {
        slot.days = std::move(*days);
        return true;
    }
    WEIR_ASSIGN(const auto found,
                connection_.query(fmt::format("SELECT DISTINCT {}::VARCHAR FROM {} WHERE {} IS NOT NULL",
                                              declare::arrival_column, slot.table, declare::arrival_column)));
    for (std::size_t row = 0; row < found.row_count(); ++row) slot.days.emplace(found.text(row, 0));
    return true;
}

Status NewestRows::show(const Slot& slot, const std::string& as) {
    return connection_.run(fmt::format("CREATE OR REPLACE TEMP VIEW {} AS SELECT * FROM {}", as, slot.table));
}

Status NewestRows::show_reference(const std::string& name) {
    WEIR_ASSIGN(const auto pinned, tables_->existing(name));
    auto position = position_of(*pinned.snapshot);
    auto& shown = references_[name];
    if (shown == position) return ok();
    WEIR_ASSIGN(const auto scan,
                lake::prepare_scan(pinned.table.store(), connection_, *pinned.snapshot, "newest_" + name));
    for (const auto& statement : scan.setup) WEIR_TRY(connection_.run(statement));
    WEIR_TRY(connection_.run(
        fmt::format("CREATE OR REPLACE TEMP VIEW {} AS SELECT * FROM {}", sql::quote_name(name), scan.relation)));
    shown = std::move(position);
    return ok();
}

}  // namespace weir::view

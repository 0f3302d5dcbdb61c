#include "view/batch/pinned_tables.h"

#include <fmt/format.h>

#include "lake/log/paths.h"
#include "lake/read/added_rows.h"

namespace weir::view {
namespace {

Result<Arrivals> arrivals_of(const std::string& name, const PinnedTable& pinned, std::int64_t version) {
    auto& store = pinned.table.store();
    const auto& snapshot = *pinned.snapshot;
    if (version > snapshot.version().get())
        return Arrivals{.changes = {}, .broken = fmt::format("table {} is not the one that it was", name)};
    auto changes = lake::changes_between(store, lake::TableVersion(version), snapshot.version());
    if (!changes)
        return Arrivals{.changes = {},
                        .broken = fmt::format("the log of table {} does not reach back to version {}", name, version)};
    Arrivals arrivals{.changes = std::move(*changes), .broken = {}};
    if (!arrivals.changes.only_added) arrivals.broken = fmt::format("rows of table {} were removed or replaced", name);
    if (!arrivals.broken.empty() || arrivals.changes.added.empty()) return arrivals;
    const auto live = lake::live_paths(snapshot);
    for (const auto& added : arrivals.changes.added) {
        const auto path = lake::decode_data_path(added.file.path);
        if (!live.contains(added.file.path) && path && !path->absolute && !store.head(path->text))
            arrivals.broken = fmt::format("table {} was optimized, and the new rows' own files vacuumed", name);
    }
    return arrivals;
}

}  // namespace

Error no_table(const std::string& name) {
    return {.code = ErrorCode::not_found,
            .message = fmt::format("table '{}' does not exist in the lake yet", name),
            .hint = "run its source first: weir run --only " + name};
}

PinnedTables::PinnedTables(const lake::Lake& lake, Versions versions) : lake_(&lake), versions_(std::move(versions)) {}

void PinnedTables::put(const std::string& name, PinnedTable table) {
    const std::lock_guard lock(mutex_);
    tables_.insert_or_assign(name, std::move(table));
}

Result<PinnedTable> PinnedTables::table(const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (const auto known = tables_.find(name); known != tables_.end()) return known->second;
    WEIR_ASSIGN(auto looked, look(name));
    return tables_.emplace(name, std::move(looked)).first->second;
}

Result<PinnedTable> PinnedTables::look(const std::string& name) {
    WEIR_ASSIGN(auto table, lake_->table(name));
    const auto version = versions_.find(name);
    std::optional<lake::Snapshot> snapshot;
    if (version == versions_.end()) {
        WEIR_ASSIGN(snapshot, table.newest());
    } else if (version->second != not_there) {
        WEIR_ASSIGN(const bool exists, table.exists());
        if (exists) {
            WEIR_ASSIGN(snapshot, table.snapshot(lake::TableVersion(version->second)));
        }
    }
    return PinnedTable{.table = std::move(table), .snapshot = std::move(snapshot)};
}

Result<PinnedTable> PinnedTables::existing(const std::string& name) {
    WEIR_ASSIGN(auto pinned, table(name));
    if (!pinned.snapshot) return no_table(name);
    return pinned;
}

Result<std::shared_ptr<const Arrivals>> PinnedTables::since(const std::string& name, std::int64_t version) {
    const std::pair key(name, version);
    {
        const std::lock_guard lock(mutex_);
        if (const auto known = arrivals_.find(key); known != arrivals_.end()) return known->second;
    }
    WEIR_ASSIGN(const auto pinned, existing(name));
    WEIR_ASSIGN(auto found, arrivals_of(name, pinned, version));
    const std::lock_guard lock(mutex_);
    return arrivals_.emplace(key, std::make_shared<const Arrivals>(std::move(found))).first->second;
}

}  // namespace weir::view

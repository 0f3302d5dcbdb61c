// Tables of a lake as they were at one moment: each is looked at once, and all who ask see the same.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "lake/lake.h"
#include "lake/log/changes.h"

namespace weir::view {

// The versions of tables that are looked at: those not named in the newest, and not_there means that there was none.
inline constexpr std::int64_t not_there = -1;
using Versions = std::map<std::string, std::int64_t>;

struct PinnedTable {
    lake::Table table;
    std::optional<lake::Snapshot> snapshot;  // nothing: it does not exist
};

// What came in between an earlier version and the pinned one.
struct Arrivals {
    lake::Changes changes;
    std::string broken;  // why nobody can go on from that version; empty: it can be done
};

Error no_table(const std::string& name);

// Several threads may ask.
class PinnedTables {
public:
    // Tables that `versions` does not name are as they are when they are first asked for.
    explicit PinnedTables(const lake::Lake& lake, Versions versions = {});

    // Somebody has looked already.
    void put(const std::string& name, PinnedTable table);

    Result<PinnedTable> table(const std::string& name);
    // The same; fails with not_found where it does not exist.
    Result<PinnedTable> existing(const std::string& name);
    // Of an existing table.
    Result<std::shared_ptr<const Arrivals>> since(const std::string& name, std::int64_t version);

private:
    Result<PinnedTable> look(const std::string& name);

    const lake::Lake* lake_;
    const Versions versions_;
    std::mutex mutex_;
    // Guarded by mutex_.
    std::map<std::string, PinnedTable> tables_;
    std::map<std::pair<std::string, std::int64_t>, std::shared_ptr<const Arrivals>> arrivals_;
};

}  // namespace weir::view

// One version of a table: its schema, files and positions, read from the log.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "lake/log/segment.h"
#include "lake/log/state.h"
#include "lake/store/object_store.h"
#include "sql/database.h"

namespace weir::lake {

struct Newest {};
struct AtTime {
    Time time;
};
// Which version: the newest, a number, or the last one that was committed at or before a time.
using At = std::variant<Newest, TableVersion, AtTime>;

// A value, cheap to copy; nothing that happens to the table later changes it.
class Snapshot {
public:
    // `last`: the commit of its version, as the store had it.
    explicit Snapshot(TableState state, std::optional<CommitFile> last = std::nullopt)
        : state_(std::make_shared<const TableState>(std::move(state))), last_(std::move(last)) {}

    TableVersion version() const { return state_->version; }
    const Schema& schema() const { return state_->schema; }
    const Protocol& protocol() const { return state_->protocol; }
    const Metadata& metadata() const { return state_->metadata; }
    ColumnMapping mapping() const { return state_->mapping; }
    const std::vector<std::string>& partition_columns() const { return state_->metadata.partition_columns; }
    const std::vector<AddFile>& files() const { return state_->files; }
    const std::vector<RemoveFile>& tombstones() const { return state_->tombstones; }
    const std::map<std::string, SetTransaction>& transactions() const { return state_->transactions; }
    const std::map<std::string, DomainMetadata>& domains() const { return state_->domains; }
    // The version that this application committed last, if ever.
    std::optional<std::int64_t> transaction_version(const std::string& app_id) const;
    const TableState& state() const { return *state_; }
    // Nothing: not known, or it was cleaned up.
    const std::optional<CommitFile>& last_commit() const { return last_; }

private:
    std::shared_ptr<const TableState> state_;
    std::optional<CommitFile> last_;
};

// Fails with not_found (no table, no such version, nothing that old), table_damaged (names file and line),
// table_unsupported (names the feature).
Result<Snapshot> read_snapshot(ObjectStore& store, sql::Database& database, const At& at = Newest{});

// The newest version without its tombstones, which may be very many and which only maintenance needs. From one that was
// read so before, only the commits after it are read, or all where the table is not the one that it was.
Result<Snapshot> read_newest(ObjectStore& store, sql::Database& database, const std::optional<Snapshot>& known);

// The actions of one commit; fails with not_found if it does not exist (any more).
Result<std::vector<Action>> read_commit(ObjectStore& store, TableVersion version);

// When each commit that is still in the log happened, oldest first, strictly increasing.
struct CommitTime {
    TableVersion version;
    Time time;
};
Result<std::vector<CommitTime>> commit_times(ObjectStore& store, sql::Database& database);
// The last version committed at or before `time`, which may lie after the newest. Fails with not_found before the
// first.
Result<TableVersion> version_at(ObjectStore& store, sql::Database& database, Time time);

}  // namespace weir::lake

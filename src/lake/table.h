// One Delta table: where it lies, and what can be asked of it.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "lake/log/snapshot.h"
#include "lake/read/scan.h"
#include "lake/store/local_store.h"
#include "sql/database.h"

namespace weir::lake {

// The newest snapshot of a table that somebody read: the next reading goes on from there. Safe to use from several
// threads.
class LastRead {
public:
    std::optional<Snapshot> get() const;
    void set(const Snapshot& snapshot);

private:
    mutable std::mutex mutex_;
    std::optional<Snapshot> snapshot_;
};

// A handle, cheap to copy. The database must outlive it; it is used for checkpoints and for writing data files.
class Table {
public:
    Table(std::shared_ptr<ObjectStore> store, sql::Database& database,
          std::shared_ptr<LastRead> last_read = std::make_shared<LastRead>());
    // A table on the local disk, by path or "file://" URI; it need not exist yet.
    static Result<Table> at(const std::string& location, sql::Database& database, Sync sync = Sync::durable);

    // Whether there is a commit in its log.
    Result<bool> exists() const;
    // The newest is read from the log's end on where a copy of this handle, or another of the same lake, has read it,
    // and without its tombstones.
    Result<Snapshot> snapshot(const At& at = Newest{}) const;
    // The newest, or nothing where there is no such table.
    Result<std::optional<Snapshot>> newest() const;
    // The snapshot as a relation in SQL text; see read/scan.h, also for tables with many files.
    Result<ScanPlan> scan(const Snapshot& snapshot, const ScanOptions& options = {}) const {
        return scan_sql(*store_, snapshot, options);
    }

    ObjectStore& store() const { return *store_; }
    std::shared_ptr<ObjectStore> shared_store() const { return store_; }
    sql::Database& database() const { return *database_; }
    const Clock& clock() const { return *clock_; }
    void set_clock(const Clock& clock) { clock_ = &clock; }
    std::string name() const { return store_->name(); }

private:
    std::shared_ptr<ObjectStore> store_;
    sql::Database* database_;
    std::shared_ptr<LastRead> last_read_;
    const Clock* clock_;
};

// Whether a folder on the local disk holds a table, readable or damaged: its log names at least one version. A log
// folder without any is what a process that was killed left, before the table was made.
bool is_table(const fs::path& folder);

// "file:///lake/t" and "/lake/t" → the path; fails with usage on another scheme.
Result<fs::path> local_path(const std::string& location);

}  // namespace weir::lake

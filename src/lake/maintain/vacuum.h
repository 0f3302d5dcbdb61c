// Removing files that no readable version needs.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lake/table.h"

namespace weir::lake {

struct VacuumOptions {
    std::optional<std::int64_t> retention_ms{};  // nothing: the table's own (a week unless set)
    bool dry_run = true;
    bool below_retention = false;   // allow a retention shorter than the table's: readers and writers at work may fail
    std::set<std::string> spare{};  // paths that stay although no version names them: a commit may still come
};

struct VacuumFile {
    std::string path;
    std::int64_t bytes = 0;
    Time modified{};
};

struct VacuumResult {
    bool dry_run = true;
    std::int64_t retention_ms = 0;
    // Removed, or to be removed, sorted by path; leftovers of dead writers included. A path that ends in '/' is an
    // empty folder.
    std::vector<VacuumFile> files{};
    std::int64_t bytes = 0;
    std::size_t kept = 0;
};

// Fails with refused on a retention below the table's without `below_retention`, with table_unsupported where we may
// not write the table.
Result<VacuumResult> vacuum(const Table& table, const VacuumOptions& options = {});

// Whether vacuum must not look at this path: hidden files and folders, apart from partition folders. Pure.
bool hidden_from_vacuum(std::string_view path, const std::vector<std::string>& partition_columns);

struct LogCleanupResult {
    bool dry_run = true;
    std::optional<TableVersion> checkpoint{};  // the oldest version that can be read afterwards
    std::vector<std::string> files{};          // removed, or to be removed
};
struct LogCleanupOptions {
    bool dry_run = true;
    std::optional<TableVersion> needed_from{};  // the log stays from this version on, however old it is
};
// Removes log files older than delta.logRetentionDuration (30 days unless set) that a checkpoint stands in for.
Result<LogCleanupResult> clean_up_log(const Table& table, const LogCleanupOptions& options = {});

}  // namespace weir::lake

// From a snapshot to SQL: a relation that gives the table's logical columns with their exact types.
#pragma once

#include <string>
#include <vector>

#include "lake/log/snapshot.h"
#include "lake/read/skipping.h"
#include "sql/database.h"

namespace weir::lake {

struct ScanOptions {
    std::vector<std::string> columns{};  // logical names, any case; empty: all
    Predicates skip{};                   // leaves out files without a matching row; the rows are NOT filtered
    std::string file_column{};           // if set: one more column of this name with each row's data file as opened
    // Only these files, by their path in the log; nothing: all.
    std::optional<std::vector<std::string>> only_files{};
};

struct ScanPlan {
    std::string relation;            // "(SELECT …)": use it in FROM
    std::vector<std::string> setup;  // run these on the same connection first; empty for scan_sql
    std::size_t files_read = 0;
    std::size_t files_skipped = 0;
};

// Everything in one text, whatever its size.
Result<ScanPlan> scan_sql(ObjectStore& store, const Snapshot& snapshot, const ScanOptions& options = {});

// The same with long lists of files and deleted rows in temporary tables and variables of this connection: the relation
// is short, and valid on this connection only. `name` makes the temporary names unique per connection.
Result<ScanPlan> prepare_scan(ObjectStore& store, sql::Connection& connection, const Snapshot& snapshot,
                              const std::string& name, const ScanOptions& options = {});

// The paths in the log of the files that may hold a row for which all predicates are true.
Result<std::vector<std::string>> matching_files(const Snapshot& snapshot, const Predicates& predicates);

}  // namespace weir::lake

// What happened to a table, and what it is now, for people and for finding earlier work.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lake/table.h"

namespace weir::lake {

struct HistoryEntry {
    TableVersion version;
    Time time;
    std::string operation;
    std::string parameters;  // JSON object text
    std::map<std::string, std::string> metrics;
    std::string engine;
    std::string txn_id;
    std::string weir;  // JSON text of our own information, or empty
    std::optional<bool> blind_append;
};
// The commits that are still in the log, newest first, at most `limit` (0: all).
Result<std::vector<HistoryEntry>> history(const Table& table, std::size_t limit = 0);

struct TransactionCommit {
    TableVersion version;
    std::int64_t txn_version;
    std::string weir;  // JSON text of commitInfo.weir, or empty
};
// The commits that moved this application's position beyond `after`, oldest first, as far as they are in the log.
Result<std::vector<TransactionCommit>> transactions_after(const Table& table, const std::string& app_id,
                                                          std::int64_t after);

struct TableSummary {
    std::string location;
    TableVersion version;
    std::optional<Time> time;  // of that version's commit, if still in the log
    Schema schema;
    std::vector<std::string> partition_columns;
    std::size_t files = 0;
    std::int64_t bytes = 0;
    std::optional<std::int64_t> rows;  // nothing where the log does not tell for every file
    std::size_t removed_files = 0;     // remembered until vacuum's time
    Protocol protocol;
    std::map<std::string, std::string> properties;
    std::map<std::string, std::int64_t> transactions;
    std::optional<TableVersion> checkpoint;  // the newest one
};
Result<TableSummary> summarize(const Table& table, const At& at = Newest{});

}  // namespace weir::lake

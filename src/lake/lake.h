// A lake: a folder of Delta tables.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "lake/maintain/checkpoint.h"
#include "lake/table.h"
#include "lake/write/transaction.h"

namespace weir::lake {

class Lake {
public:
    // By path or "file://" URI; the folder need not exist yet. The database must outlive the lake and its tables.
    static Result<Lake> open(const std::string& location, sql::Database& database, Sync sync = Sync::durable);

    // The names of all tables, sorted: folders with a version in their log, directly below the root ("orders") or one
    // level deeper
    // ("weir/files").
    Result<std::vector<std::string>> tables() const;
    // By name; the table need not exist yet. Fails with usage on a name that leaves the lake.
    Result<Table> table(const std::string& name) const;
    // By name if the lake has such a table, otherwise by path or URI. Fails with not_found, suggesting the nearest
    // name.
    Result<Table> find(const std::string& name_or_location) const;

    const fs::path& root() const { return root_; }

private:
    Lake(fs::path root, sql::Database& database, Sync sync)
        : root_(std::move(root)), database_(&database), sync_(sync), known_(std::make_shared<Known>()) {}
    // What was read of the tables, for all copies of this lake.
    struct Known {
        std::mutex mutex;
        std::map<fs::path, std::shared_ptr<LastRead>> tables;
    };
    fs::path root_;
    sql::Database* database_;
    Sync sync_;
    std::shared_ptr<Known> known_;
};

}  // namespace weir::lake

// The tables that weir keeps about itself, to be read like views: /system/quarantine?state=pending&order=-changed_at.
//
// Stored ones are Delta tables, whose versions outlive this process; computed ones lie in the text of their relation,
// and are kept for a while, so that cursors over them can be followed.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>

#include "lake/lake.h"
#include "serve/read/reads.h"

namespace weir::serve {

class SystemReads final : public Reads {
public:
    // A relation in SQL with the rows of a table that is computed, in the order of its columns.
    using Computed = std::function<Result<std::string>()>;
    SystemReads(const lake::Lake& lake, sql::Database& database, std::map<std::string, Computed> computed);

    std::vector<Layer> layers() const override { return {Layer::batch}; }
    std::shared_ptr<const std::vector<CatalogueEntry>> catalogue() const override { return catalogue_; }
    Result<std::shared_ptr<const Pinned>> pin(const std::string& table, const Wanted& wanted) override;
    sql::Database& database() override { return *database_; }
    bool has(const std::string& table) const;

    // Of a table of the lake, by what its newest commit says.
    struct TableFacts {
        std::string name;
        std::int64_t version = 0, rows = -1, files = 0, bytes = 0;  // rows -1: the log does not tell
    };
    Result<TableFacts> facts(const std::string& table);

private:
    Result<std::string> tables_relation();
    Result<std::shared_ptr<const Pinned>> pin_stored(const std::string& table, const std::string& version);
    Result<std::shared_ptr<const Pinned>> pin_computed(const std::string& table, const std::string& version);

    const lake::Lake* lake_;
    sql::Database* database_;
    std::map<std::string, Computed> computed_;
    std::shared_ptr<const std::vector<CatalogueEntry>> catalogue_;
    std::mutex mutex_;
    std::deque<std::shared_ptr<const Pinned>> kept_;  // of computed tables, oldest first
};

}  // namespace weir::serve

// Rejected records on their way to the quarantine: a table of the running DuckDB, which spills when it must.
#pragma once

#include <string>
#include <vector>

#include "contract/rules.h"
#include "source/plan.h"
#include "sql/database.h"

namespace weir::contract {

// Columns: file_no INTEGER, line BIGINT, byte_offset BIGINT, "column" VARCHAR, rule VARCHAR, reason VARCHAR, raw BLOB,
// cut BOOLEAN.
class RejectTable {
public:
    static Result<RejectTable> create(sql::Database& database, const std::string& name, std::vector<Rule> rules);

    // Called by one thread at a time, also while another connection's statement runs.
    Status append(const std::vector<source::Reject>& rejects);
    const std::string& name() const { return name_; }
    std::int64_t rows() const { return rows_; }

private:
    RejectTable(sql::Connection connection, std::string name, std::vector<Rule> rules)
        : connection_(std::move(connection)), name_(std::move(name)), rules_(std::move(rules)) {}
    sql::Connection connection_;
    std::string name_;
    std::vector<Rule> rules_;
    std::int64_t rows_ = 0;
};

}  // namespace weir::contract

// Rejected records on their way to the quarantine: a relation of the running DuckDB. Few of them stay in memory; many
// leave for files in DuckDB's spill folder, a piece at a time.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "contract/rules.h"
#include "source/plan.h"
#include "sql/database.h"

namespace weir::contract {

// Columns: file_no INTEGER, line BIGINT, byte_offset BIGINT, "column" VARCHAR, rule VARCHAR, reason VARCHAR, raw BLOB,
// cut BOOLEAN, header VARCHAR (of a log: what stood around the message).
class RejectTable {
public:
    // A piece ends at so many rows or bytes.
    static constexpr std::int64_t piece_rows = 50'000;
    static constexpr std::size_t piece_bytes = 16u << 20;

    // The first append() makes the view `name`, anew; it stays when this object has gone.
    static Result<RejectTable> open(sql::Database& database, const std::string& name, std::vector<Rule> rules);

    // Called by one thread at a time, also while another connection's statement runs.
    Status append(const std::vector<source::Reject>& rejects);
    const std::string& name() const { return name_; }
    std::int64_t rows() const { return rows_; }

private:
    RejectTable(sql::Connection connection, std::string name, std::vector<Rule> rules, std::filesystem::path folder)
        : connection_(std::move(connection)),
          name_(std::move(name)),
          rules_(std::move(rules)),
          folder_(std::move(folder)) {}
    Status make();
    Status make_memory();
    Status make_view();
    Status spill();

    sql::Connection connection_;
    std::string name_;
    std::vector<Rule> rules_;
    std::filesystem::path folder_;  // of the pieces; empty: everything stays in memory
    bool made_ = false;
    std::vector<std::string> pieces_;
    std::int64_t rows_ = 0;
    std::int64_t rows_in_memory_ = 0;
    std::size_t bytes_in_memory_ = 0;
};

}  // namespace weir::contract

// Whether a landing may be committed: the quarantine's threshold, the contract's rules over all rows, its unique
// columns.
#pragma once

#include <string>

#include "lake/table.h"
#include "orchestrate/intake/checked_landing.h"

namespace weir::orchestrate {

// What is about to land, and what it lands on.
struct StagedRows {
    sql::Connection& connection;  // has rejects_table and taken_table
    const lake::Table& table;
    const lake::Snapshot& snapshot;
    std::string rows;  // the staged ones, as something to read FROM
};

// Fails with contract_violated, naming the threshold and the first broken records, or the rule. Rules that only warn
// are told in the warnings of `taken`.
Status judge_landing(const LandingJob& job, const StagedRows& staged, Taken& taken);

}  // namespace weir::orchestrate

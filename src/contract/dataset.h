// A contract's promises on all rows of an intake: measured in SQL, judged before the commit.
#pragma once

#include <string>

#include "base/result.h"
#include "declare/project.h"

namespace weir::contract {

// A query with one row: the measured number, and the number of rows that it is a share of.
// `relation` is something that can stand behind FROM.
std::string measure_query(const declare::DatasetRule& rule, const std::string& relation);

struct Verdict {
    std::string rule;
    double observed = 0;  // in percent if the rule says so
    bool passed = true;
    declare::Severity severity = declare::Severity::error;
    std::string sentence;  // "row_count is 3, must be at least 10"
};

// Exactly at a bound passes where the operator includes it; between includes both ends. No rows: a share is 0.
Verdict judge(const declare::DatasetRule& rule, double measured, double rows);

// Whether `quarantined` of `read` rows is within the limit; exactly at the limit passes.
bool within_quarantine_limit(std::int64_t quarantined, std::int64_t read, double limit_percent);

}  // namespace weir::contract

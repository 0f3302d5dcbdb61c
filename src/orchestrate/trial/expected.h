// What a test expects, in the types and counts of what came out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "declare/test_file.h"
#include "orchestrate/trial/compare.h"
#include "orchestrate/trial/trial.h"
#include "sql/database.h"

namespace weir::orchestrate::trial {

// The rows' values as the text of the columns' DuckDB types. Fails with a value's place where it is none of its column.
Result<std::vector<Row>> expected_rows(sql::Connection& connection, const declare::ExpectedRows& expected,
                                       const std::vector<std::string>& types);

struct Counted {
    std::int64_t accepted = 0, duplicate = 0, filtered = 0;
};
struct Rejected {
    std::string rule, column;
    std::int64_t line = 0;
    std::string reason;
};

// Nothing: as expected. Where nothing is said of rejected rows, there must be none.
std::optional<Failure> judge_counts(const declare::ExpectedSource& expected, const Counted& counted,
                                    const std::vector<Rejected>& rejected);

}  // namespace weir::orchestrate::trial

// Which files a scan need not open: predicates against what the log knows of each file. Pure; in doubt a file is kept.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "lake/read/file_facts.h"

namespace weir::lake {

enum class Comparison { equal, not_equal, less, less_equal, greater, greater_equal, is_null, is_not_null };

// `literal` is spelled as a partition value would be: "42", "1.50", "2024-02-29", "2024-02-29T10:00:00Z", "any text".
struct Predicate {
    std::string column;
    Comparison comparison = Comparison::equal;
    std::string literal{};
};
// All of them hold for the rows that are wanted.
using Predicates = std::vector<Predicate>;

// Fails on an unknown column or a literal that is no value of the column's type.
Status check_predicates(const Predicates& predicates, const Schema& schema);

// False only if no row of the file can fulfil all predicates, which must have passed check_predicates.
bool may_match(const FileFacts& facts, const Predicates& predicates, const Schema& schema);

}  // namespace weir::lake

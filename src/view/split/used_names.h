// Which columns a query can tell apart by: those that it names somewhere, and those that it gives.
#pragma once

#include <optional>

#include "view/split/tree.h"

namespace weir::view {

// The names of columns, lower case, that anything in the whole query speaks of. A column that came with a `*` and is
// not among them cannot change the answer. Nothing where a `*` may matter without its columns being named: under
// DISTINCT, LIMIT, GROUP BY ALL, in set operations, natural joins, renamed, or as a whole row.
std::optional<std::set<std::string>> used_names(Trees& trees, const Tree& query);

// The same without those that it gives: which columns of its tables a query reads. Nothing where it gives a `*`.
std::optional<std::set<std::string>> read_names(const Tree& query);

}  // namespace weir::view

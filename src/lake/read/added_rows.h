// The rows that came in between two versions of a table.
#pragma once

#include <set>
#include <string>

#include "lake/log/changes.h"
#include "lake/table.h"

namespace weir::lake {

// The paths of the files that a version has.
std::set<std::string> live_paths(const Snapshot& snapshot);

// The added files as a relation, "(SELECT …)", valid on this connection; files that were rewritten meanwhile are read
// in the version that had them. `snapshot` is the newest; `name` makes temporary names unique per connection.
// `columns`: only those of these names, lower case; null: all.
Result<std::string> prepare_added(const Table& table, sql::Connection& connection, const Snapshot& snapshot,
                                  const Changes& changes, const std::string& name,
                                  const std::set<std::string>* columns = nullptr);

}  // namespace weir::lake

// Changing a table's schema without touching its files.
#pragma once

#include <string>
#include <vector>

#include "lake/table.h"

namespace weir::lake {

// The table's schema after taking in `wanted`: new columns that allow NULL are added at the end, NOT NULL may be
// relaxed, inside structs too. Anything else (a dropped, renamed, retyped or tightened column, a new NOT NULL one)
// fails with refused and the reason. Pure.
Result<Schema> plan_evolution(const Schema& current, const Schema& wanted);

// Commits that change, retried when somebody else commits first; nothing is committed where nothing changes. Gives the
// snapshot to go on with.
Result<Snapshot> evolve(const Table& table, const Schema& wanted);

}  // namespace weir::lake

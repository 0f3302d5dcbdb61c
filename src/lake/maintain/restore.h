// Making an earlier version the newest one.
#pragma once

#include "lake/table.h"

namespace weir::lake {

struct RestoreResult {
    std::optional<TableVersion> version{};  // the commit that did it; nothing: the table is like that already
    TableVersion restored{-1};              // the version whose rows and schema are back
    std::size_t files_added = 0;
    std::size_t files_removed = 0;
};

// The txn app id whose version counts how often a table was restored: who made the table knows that it is another one.
inline constexpr std::string_view restore_app = "weir/restore";

// One commit that takes away what came later and puts back what was removed; positions of applications (txn) are not
// turned back. Fails with refused, naming files, if vacuum has removed some of them; with table_conflict if somebody
// committed meanwhile.
Result<RestoreResult> restore(const Table& table, const At& at);

}  // namespace weir::lake

// Rows that broke their contract, tried again or given up. A row's states are appended, never changed: pending, then
// replayed or discarded.
#pragma once

#include <string>
#include <vector>

#include "orchestrate/intake/workplace.h"

namespace weir::orchestrate {

struct Replayed {
    std::string source;
    std::int64_t read = 0;       // pending rows that were chosen
    std::int64_t accepted = 0;   // landed now, in the day where they belong
    std::int64_t duplicate = 0;  // landed before, by another way
    std::int64_t filtered = 0;   // dropped by the source's predicate
    std::int64_t broken = 0;     // still break the contract; they stay pending
    std::vector<std::string> warnings;
};

// Reads the chosen rows again under today's contract; `where_sql` is a condition on weir.quarantine. Each row lands
// once, however often this is called or killed: one commit a source, as for an intake. The caller holds the lake's
// lock.
Result<std::vector<Replayed>> replay(const Workplace& at, const std::string& where_sql, const std::string& run_id);

// Gives the chosen pending rows up; the reason is kept with each. Returns how many.
Result<std::int64_t> discard(const Workplace& at, const std::string& where_sql, const std::string& reason,
                             const std::string& run_id);

}  // namespace weir::orchestrate

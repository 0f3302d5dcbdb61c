// What becomes of a row that was read, said in the filter right above weir_read (reader.h): weir_reject files its
// record, weir_filtered counts it, weir_verdict keeps the broken rules of a row in a column of their own.
#pragma once

#include "sql/database.h"

namespace weir::source {

// False: DuckDB did not take one of them.
bool register_verdicts(sql::Connection& connection);

}  // namespace weir::source

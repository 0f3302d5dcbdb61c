// The table function weir_read(handle): parses what a run hands out and gives it to DuckDB, chunk after chunk.
#pragma once

#include "sql/database.h"

namespace weir::source {

// False: DuckDB did not take it.
bool register_read(sql::Connection& connection);

}  // namespace weir::source

// The SQL functions that weir adds to every database it opens.
//
//   json_canonical(text) VARCHAR   one text for all ways of writing the same JSON value (json_canonical.h); NULL where
//                                  the text is no JSON
#pragma once

#include <duckdb.h>

namespace weir::sql {

// False: DuckDB did not take them.
bool register_functions(duckdb_connection connection);

}  // namespace weir::sql

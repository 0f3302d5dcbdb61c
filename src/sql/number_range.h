// A table function whose rows are the whole numbers of a range, which may be another one each time a statement runs.
#pragma once

#include <duckdb.h>

#include <cstdint>
#include <string>

namespace weir::sql {

// From `begin` to `end`, which is excluded.
struct NumberRange {
    std::int64_t begin = 0, end = 0;
};

// Makes NAME() with the one column n, in ascending order. `range` is read when a statement begins and must outlive the
// database. False: DuckDB did not take it.
bool register_number_range(duckdb_connection connection, const std::string& name, const NumberRange* range);

}  // namespace weir::sql

// The sketches as SQL functions of a database:
//
//   distinct_sketch(ANY) -> BLOB         aggregate: of the values that are not NULL; NULL if there are none
//   distinct_sketch_merge(BLOB) -> BLOB  aggregate: the sketch of all their values
//   distinct_sketch_count(BLOB) -> BIGINT
//   quantile_sketch(DOUBLE) -> BLOB      aggregate, and quantile_sketch_merge(BLOB) -> BLOB
//   quantile_sketch_value(BLOB, DOUBLE share, DOUBLE limit) -> DOUBLE        no farther from zero than the limit
//   quantile_sketch_values(BLOB, DOUBLE[] shares, DOUBLE limit) -> DOUBLE[]
#pragma once

#include "sql/database.h"

namespace weir::view {

Status add_sketch_functions(sql::Connection& connection);

// Whether distinct_sketch takes values of a type, as DuckDB spells it, as they are; others as their text.
bool is_sketched_as_is(std::string_view type);

// What a sketch is worth, for people; empty: the function makes none.
std::string_view precision_of_sketch(std::string_view function);

}  // namespace weir::view

// The exact sums as SQL functions of a database:
//
//   exact_sum(DOUBLE) -> BLOB              aggregate: the sum of the values that are not NULL; NULL if there are none
//   exact_product(DOUBLE, DOUBLE) -> BLOB  aggregate: the sum of the products
//   exact_merge(BLOB) -> BLOB              aggregate: the sum of sums
//   exact_minus(BLOB, BLOB) -> BLOB        a sum without the terms of another; NULL has none
//   exact_value(BLOB) -> DOUBLE            the nearest double
//   exact_moment(BIGINT n, BLOB x, BLOB y, BLOB xy) -> DOUBLE   n * xy - x * y, rounded once
#pragma once

#include "sql/database.h"

namespace weir::view {

Status add_exact_functions(sql::Connection& connection);

}  // namespace weir::view

// From a query's columns to a table's: matched by name, cast without loss, checked for NULL. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/schema.h"

namespace weir::lake {

// Whether every value of `from` either becomes the same value of `to` or makes the cast fail (never a rounded one).
bool casts_exactly(const Type& from, const Type& to);

// One expression per column of the table, in its order, over a relation `source` that has the query's columns. Fails
// with usage on a column that the table does not have, a missing NOT NULL column, or a type that does not cast exactly.
Result<std::vector<std::string>> cast_columns(const Schema& query, const Schema& table, const std::string& source);

// A SQL condition that holds where `expression` breaks a NOT NULL of the field or of anything inside it; empty if
// nothing in it is NOT NULL.
std::string null_violation(const Field& field, const std::string& expression, int depth = 0);

}  // namespace weir::lake

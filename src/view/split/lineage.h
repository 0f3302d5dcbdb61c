// Which columns of tables and views each column of a SELECT rests on, from its syntax tree; names that a tree does not
// say come from DuckDB's binder.
//
//   value      what the column is made of: sum(price) rests on price; count(*) on the rows of its tables, written *
//   condition  what decides which rows count, or in which order: WHERE, joins, GROUP BY, HAVING, QUALIFY, FILTER, WHEN,
//              PARTITION BY and ORDER BY of windows and aggregates, ORDER BY with LIMIT
//
// A view that is read is a table here: its own lineage goes on from there. Macros are not looked into, unless they were
// written out before (macros.h); their arguments are values.
#pragma once

#include "view/split/tree.h"

namespace weir::view {

struct Origin {
    enum class Kind { value, condition };
    Kind kind = Kind::value;
    std::string table, column;  // column *: the rows as such
    auto operator<=>(const Origin&) const = default;
};

struct ColumnLineage {
    std::string column;
    std::set<Origin> origins;  // empty: a constant
};

std::string_view to_string(Origin::Kind kind);

// `sql`: one SELECT whose tables the connection knows.
Result<std::vector<ColumnLineage>> lineage_of(sql::Connection& connection, const std::string& sql);

}  // namespace weir::view

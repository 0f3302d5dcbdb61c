// Macros of the project, written out where they are called: CREATE MACRO rate(x) AS sum(x) / count(*) and
// SELECT k, rate(price) FROM t GROUP BY k give SELECT k, sum(price) / count(*) AS "rate(price)" FROM t GROUP BY k.
//
// Only those are that aggregate, look at other rows or read tables by themselves: the others work on their arguments
// and can stay. What DuckDB makes of a call is matched, or the call stays:
//
//   arguments  go by position, by name and by default; a column that a query or a lambda of the macro asks for gets the
//              name of its table in the select list, as DuckDB does it, and has to have one elsewhere
//   tables     in a macro are found where it is called: WITH names of the caller go before tables
//   columns    keep their names: "rate(price)", unless there is an AS
#pragma once

#include <map>

#include "view/split/tree.h"

namespace weir::view {

// Makes the macros of a script that are not there yet. DuckDB looks at what a macro reads and calls when it is made:
// those of which something is not there are left out, until they are asked for again. How many were made.
Result<std::size_t> make_macros(sql::Connection& connection, std::string_view script);

class Macros {
public:
    Macros() = default;
    // Those that the connection knows; `script`: the CREATE MACRO statements that made them.
    static Result<Macros> of(sql::Connection& connection, std::string_view script);

    struct Written {
        std::string sql;
        std::string why_not;  // not empty: `sql` is as it was, with a call that cannot be written out
    };
    // `sql`: one SELECT whose tables the connection knows.
    Result<Written> write_out(sql::Connection& connection, const std::string& sql) const;

    // One macro as it was declared, one of its overloads.
    struct Definition {
        std::vector<std::string> parameters;   // lower case
        std::vector<std::string> types;        // of the parameters; empty: any
        std::map<std::string, Tree> defaults;  // by parameter
        Tree body;                             // an expression, or a query; null: it cannot be parsed
    };
    // Name in lower case, and whether it gives a table.
    using Name = std::pair<std::string, bool>;

private:
    std::map<Name, std::vector<Definition>> opaque_;
};

}  // namespace weir::view

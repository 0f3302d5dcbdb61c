// What a SELECT reads and calls, from DuckDB's own syntax tree.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace weir::declare {

struct SqlUse {
    std::string name;
    std::string schema;      // empty: not written
    std::size_t offset = 0;  // bytes; npos where the parser does not say
};

struct SqlUses {
    std::vector<SqlUse> tables;           // everything behind FROM that is no name of a WITH in scope
    std::vector<SqlUse> functions;        // scalar, aggregate and window functions, lower case
    std::vector<SqlUse> table_functions;  // functions behind FROM, lower case
    std::vector<SqlUse> columns;          // first part of every column reference, lower case, where it has one part
    std::vector<std::string> parameters;  // names, repetitions included
    std::vector<SqlUse> samples;          // USING SAMPLE and TABLESAMPLE
    std::vector<SqlUse> shows;            // DESCRIBE, SHOW and SUMMARIZE behind FROM
    // Collations, but for those of an operand of a comparison or of an item of ORDER BY.
    std::vector<SqlUse> collations;
    bool has_subquery = false;

    // Those of another text, too.
    void add(SqlUses more);
};

// `statement` is one element of "statements" of json_serialize_sql.
SqlUses uses_of(const nlohmann::json& statement);

}  // namespace weir::declare

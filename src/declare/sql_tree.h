// What a SELECT reads and calls, from DuckDB's own syntax tree.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace weir::declare {

struct SqlUse {
    std::string name;
    std::string schema;      // empty: not written
    std::size_t offset = 0;  // bytes; npos where the parser does not say
};

struct SqlAsofJoin {
    nlohmann::json join;
    nlohmann::json names;  // the entries of WITH that it sees
    std::size_t offset = 0;
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
    std::vector<SqlUse> positional_joins;
    std::vector<SqlAsofJoin> asof_joins;
    bool has_subquery = false;

    // Those of another text, too.
    void add(SqlUses more);
};

// `statement` is one element of "statements" of json_serialize_sql.
SqlUses uses_of(const nlohmann::json& statement);

// What rows of an ASOF join's right side are equal in where the join cannot choose between them.
struct AsofKeys {
    std::vector<nlohmann::json> keys;  // expressions over the right side; none: its rows do not show in the answer
    std::string why_not{}, way_out{};  // not empty: that cannot be told
};
// `binds`: whether an expression can stand over a relation alone.
AsofKeys asof_keys(const nlohmann::json& join,
                   const std::function<bool(const nlohmann::json& expression, const nlohmann::json& relation)>& binds);

}  // namespace weir::declare

// DuckDB's syntax trees as values: from SQL, back to SQL, and what the split asks of them.
//
// A tree is the JSON of json_serialize_sql; json_deserialize_sql prints it. Small trees are written as SQL with $1, $2,
// … where other trees go in: that keeps every rewriting rule readable.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sql/database.h"

namespace weir::view {

using Tree = nlohmann::json;

std::string lowered(std::string_view text);
// A text member; empty where there is none.
std::string text_of(const Tree& tree, const char* key);
bool is_class(const Tree& tree, std::string_view expression_class);
bool is_type(const Tree& tree, std::string_view type);
// A SELECT, or queries that UNION and its like put together.
bool is_query(const Tree& tree);

// Parses and prints with one connection; what was parsed once is kept.
class Trees {
public:
    explicit Trees(sql::Connection& connection) : connection_(&connection) {}

    // The query node of one SELECT statement.
    Result<Tree> query(const std::string& sql);
    Result<std::string> sql(const Tree& query) const;

    // One expression with $n replaced by arguments[n - 1]. Our own texts: a failure to parse is a defect and throws
    // away nothing of the user's.
    Result<Tree> expression(const std::string& text, const std::vector<Tree>& arguments = {});
    // One query the same way.
    Result<Tree> query_with(const std::string& text, const std::vector<Tree>& arguments);
    // Expressions as text, for people.
    Result<std::vector<std::string>> texts(const std::vector<Tree>& expressions);

    sql::Connection& connection() const { return *connection_; }

    // What people should know of how their SQL was rewritten.
    void note(std::string sentence) { notes_.insert(std::move(sentence)); }
    const std::set<std::string>& notes() const { return notes_; }

private:
    sql::Connection* connection_;
    std::set<std::string> notes_;
    std::map<std::string, Tree> parsed_;
};

Tree column(const std::string& name);
Tree column(const std::string& relation, const std::string& name);
Tree base_table(const std::string& name, const std::string& alias = {});
// The node as a relation in FROM.
Tree subquery_relation(Tree query, const std::string& alias);
Tree with_alias(Tree expression, const std::string& alias);
// A position in GROUP BY or ORDER BY.
Tree position(std::size_t number);

// Equal as expressions: places in the text, names given by AS and letter case of names aside.
bool same_expression(const Tree& a, const Tree& b);

// Calls `visit` for the expression and all parts of it, queries inside it included; false stops the descent there.
void each_part(const Tree& tree, const std::function<bool(const Tree&)>& visit);
void each_part(Tree& tree, const std::function<bool(Tree&)>& visit);

// The same, but stays out of queries inside.
void each_part_here(const Tree& expression, const std::function<bool(const Tree&)>& visit);

// Whether it names a column, in queries inside it too.
bool has_columns(const Tree& expression);

// Whether a query stands in it as a value: (SELECT …), EXISTS, IN (SELECT …).
bool has_query(const Tree& expression);

// Whether a window function is called, queries inside left out.
bool has_window(const Tree& expression);

// The expressions of a SELECT node that belong to it: select list, WHERE, GROUP BY, HAVING, QUALIFY, ORDER BY, DISTINCT
// ON.
void each_expression(Tree& select, const std::function<void(Tree&)>& visit);

std::vector<Tree*> operands(Tree& set_operation);
std::vector<const Tree*> operands(const Tree& set_operation);

// The names by which FROM offers relations: aliases, or the tables' own names; lower case.
std::set<std::string> relation_names(const Tree& from);

// The modifier of a node, if it has it: ORDER_MODIFIER, LIMIT_MODIFIER, LIMIT_PERCENT_MODIFIER, DISTINCT_MODIFIER.
Tree* modifier(Tree& node, std::string_view type);
const Tree* modifier(const Tree& node, std::string_view type);

}  // namespace weir::view

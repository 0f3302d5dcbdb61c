// What every SQL text of a project is held to, whatever it is: its faults are told at their place with the way out, it
// has one answer, and it reads nothing past the lake. What the texts know of each other is held here too.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "declare/context.h"
#include "declare/duckdb_check.h"
#include "declare/sql_text.h"
#include "declare/sql_tree.h"

namespace weir::declare {

inline constexpr std::string_view system_schema = "weir";

class SqlRules {
public:
    // A place in a text; std::string::npos: the text as a whole.
    using At = std::function<Where(std::size_t offset)>;

    SqlRules(Context& of, DuckdbCheck check)
        : context(of), project(of.project), problems(of.problems), duckdb(std::move(check)) {}

    void check_zone();
    // Empty tables of the sources, the contracts and weir itself.
    void create_tables();
    static std::string contract_table(const std::string& contract);
    // As a view, because that is what a run reads: a table of DuckDB has a rowid besides.
    static std::string create(const std::string& name, const Schema& schema);
    static bool creatable(const Schema& schema);

    void report(const SqlFault& fault, const std::string& what, const At& at);
    // SQL inside YAML with the project's parameters; nothing where one of them has a problem, which is told.
    std::optional<FilledSql> filled(const SqlSnippet& snippet);
    // What functions of the time mean: in a view the interval's end, in an alert the moment at which it is looked at.
    enum class Time { refused, known };
    // Refuses what is not decided by the rows that are read.
    void check_deterministic(const SqlUses& uses, const std::string& what, const At& at, Time time = Time::refused);
    // The same of what is written as a column is; the tables that the text reads are known.
    void check_columns_deterministic(const SqlUses& uses, const std::string& what, const At& at,
                                     Time time = Time::refused);
    // Which of the rows that an ASOF join finds equally near is taken must follow from the rows alone. What is read is
    // known to bind.
    void check_asof(const SqlUses& uses, const std::string& what, const At& at);
    // Refuses what reads past the lake.
    bool check_sources(const SqlUses& uses, const std::string& what, const At& at);

    Context& context;
    Project& project;
    Problems& problems;
    DuckdbCheck duckdb;
    std::set<std::string> source_tables;    // lower case, made in DuckDB
    std::set<std::string> contract_tables;  // contracts whose tables are
    std::vector<std::string> known_names;   // tables and views, for suggestions
    std::map<std::string, SqlUses> macros;  // by name, lower case: what each reads and calls

private:
    bool is_column_of(const std::string& name, const std::vector<SqlUse>& tables);
    void refuse_if_undecided(const SqlUse& use, const std::string& what, const At& at, Time time);
    void refuse_undecided(const SqlUse& use, const std::string& what, const At& at, std::string_view way_out);
    bool binds_over(const nlohmann::json& expression, const nlohmann::json& relation, const nlohmann::json& names);
};

// The parts of check_sql(), in the order in which they come.
void read_macros(SqlRules& sql);
void check_views(SqlRules& sql);  // and generators
void check_snippet(SqlRules& sql, const SqlSnippet& snippet);
void check_alert(SqlRules& sql, const SqlSnippet& snippet, const SqlRules::At& at);

}  // namespace weir::declare

// SQL inside YAML: a source's predicate, the rules and values of contracts, their queries over an intake's rows.
#include <fmt/format.h>

#include <algorithm>

#include "declare/contract_values.h"
#include "declare/sql_rules.h"
#include "declare/text.h"

namespace weir::declare {
namespace {

using sql::quote_name;

class SnippetCheck {
public:
    explicit SnippetCheck(SqlRules& sql) : sql_(sql) {}

    void run(const SqlSnippet& snippet) {
        const At at = [&](std::size_t offset) {
            const auto place = place_of(snippet.sql, offset == std::string::npos ? 0 : offset);
            return place_inside(snippet.node, snippet.file, place.line, place.column);
        };
        SqlFault fault;
        if (snippet.kind == SqlSnippet::Kind::pattern) {
            if (!sql_.duckdb.run(fmt::format("SELECT regexp_matches('', {})", sql::quote_text(snippet.sql)), fault))
                sql_.problems.error(at(std::string::npos),
                                    fmt::format("the pattern is no regular expression: {}", fault.message),
                                    "RE2 is understood; it has no look-around and no back references");
            return;
        }
        if (const auto nul = snippet.sql.find('\0'); nul != std::string::npos) return;
        if (snippet.kind == SqlSnippet::Kind::dataset_query) return check_dataset_query(snippet, at);
        if (snippet.kind == SqlSnippet::Kind::alert) return check_alert(sql_, snippet, at);
        std::string contract = snippet.owner;
        if (snippet.kind == SqlSnippet::Kind::where) contract = sql_.project.source(snippet.owner)->contract;
        check_expression(snippet, contract, at);
    }

private:
    using At = SqlRules::At;

    void check_expression(const SqlSnippet& snippet, const std::string& contract, const At& at) {
        // A source's predicate may use parameters; a contract is the same everywhere.
        FilledSql filled{.sql = snippet.sql, .used = {}, .pieces = {}};
        if (snippet.kind == SqlSnippet::Kind::where) {
            auto with_parameters = sql_.filled(snippet);
            if (!with_parameters) return;
            filled = std::move(*with_parameters);
            for (auto& source : sql_.project.sources) {
                if (source.name == snippet.owner) source.where_sql = filled.sql;
            }
        }
        const std::string lead = "SELECT (\n";
        const At inside = [&](std::size_t offset) {
            if (offset == std::string::npos || offset < lead.size()) return at(std::string::npos);
            return at(filled.original(std::min(offset - lead.size(), filled.sql.size())));
        };
        SqlFault fault;
        const auto tree = sql_.duckdb.parse(lead + filled.sql + "\n)", fault);
        if (!tree) {
            // The parenthesis that we add is not the user's.
            if (fault.offset && *fault.offset >= lead.size() + filled.sql.size())
                fault.message = "the expression ends too early";
            return sql_.report(fault, snippet.title, inside);
        }
        const auto refuse = [&](std::string message, std::string hint) {
            sql_.problems.error(at(std::string::npos), fmt::format("{}: {}", snippet.title, message), std::move(hint),
                                ErrorCode::sql_invalid);
        };
        const auto* node = tree->size() == 1 && tree->front().contains("node") ? &tree->front()["node"] : nullptr;
        const bool one_expression = node != nullptr && node->value("type", "") == "SELECT_NODE" &&
                                    (*node)["select_list"].size() == 1 &&
                                    (*node)["from_table"].value("type", "") == "EMPTY";
        const bool value = snippet.kind == SqlSnippet::Kind::value;
        if (!one_expression)
            return refuse("this is not one expression", value ? "write one value, for example upper(name)"
                                                              : "write one condition, for example price > 0");
        const auto uses = uses_of(tree->front());
        if (uses.has_subquery || !uses.tables.empty())
            return refuse("a rule on a row reads no other rows", "use a quality rule of type sql, or a view");
        if (!uses.parameters.empty())
            return refuse("a contract takes no parameters", "put the condition into `where` of the source");
        sql_.check_deterministic(uses, snippet.title, inside);
        if (!sql_.contract_tables.contains(contract)) return;
        const auto condition = value ? std::string() : fmt::format(" WHERE ({}\n)", filled.sql);
        const auto columns = sql_.duckdb.bind(
            fmt::format("{}{}\n) FROM {}{}", lead, filled.sql, SqlRules::contract_table(contract), condition), fault);
        if (!columns) return sql_.report(fault, snippet.title, inside);
        auto over_contract = uses;
        over_contract.tables.push_back({"contract " + contract, std::string(system_schema), 0});
        sql_.check_columns_deterministic(over_contract, snippet.title, inside);
        if (value) {
            if (snippet.column.empty()) return;
            if (!sql_.duckdb.bind(fmt::format("SELECT CAST(({}\n) AS {}) FROM {}", filled.sql, snippet.column,
                                              SqlRules::contract_table(contract)),
                                  fault))
                refuse(fmt::format("its value cannot become {}", snippet.column), "cast it to the column's type");
            return;
        }
        if (!columns->front().boolean)
            refuse("this is no condition: it is neither true nor false", "compare it with something");
    }

    void check_dataset_query(const SqlSnippet& snippet, const At& at) {
        std::string filled;
        FilledSql map;
        std::size_t copied = 0;
        const auto replace = [&](std::size_t begin, std::size_t end, const std::string& by) {
            map.sql += snippet.sql.substr(copied, begin - copied);
            const auto start = map.sql.size();
            map.sql += by;
            map.pieces.push_back({start, map.sql.size(), begin, end});
            copied = end;
        };
        const auto table = SqlRules::contract_table(snippet.owner);
        for (auto open = snippet.sql.find('{'); open != std::string::npos; open = snippet.sql.find('{', open + 1)) {
            const auto close = snippet.sql.find('}', open);
            if (close == std::string::npos) break;
            const auto word = snippet.sql.substr(open + 1, close - open - 1);
            const auto begin = open > copied && snippet.sql[open - 1] == '$' ? open - 1 : open;
            if (word == "object" || word == "table" || word == "model") {
                replace(begin, close + 1, table);
            } else if (word == "property" || word == "column") {
                if (snippet.column.empty()) {
                    sql_.problems.error(at(begin),
                                        fmt::format("{}: {{property}} stands in a rule of the table", snippet.title),
                                        "write the column's name, or move the rule to the property");
                    return;
                }
                replace(begin, close + 1, quote_name(snippet.column));
            }
        }
        map.sql += snippet.sql.substr(copied);
        const At inside = [&](std::size_t offset) {
            return at(offset == std::string::npos ? offset : std::min(map.original(offset), snippet.sql.size()));
        };
        SqlFault fault;
        const auto tree = sql_.duckdb.parse(map.sql, fault);
        if (!tree || tree->size() != 1) {
            if (tree) fault.message = "this is not one SELECT";
            return sql_.report(fault, snippet.title, inside);
        }
        const auto uses = uses_of(tree->front());
        sql_.check_deterministic(uses, snippet.title, inside);
        sql_.check_columns_deterministic(uses, snippet.title, inside);
        if (!sql_.check_sources(uses, snippet.title, inside)) return;
        bool good = true;
        for (const auto& use : uses.tables) {
            if (lower(use.schema) == system_schema && use.name == "contract " + snippet.owner) continue;
            sql_.problems.error(inside(use.offset),
                                fmt::format("{}: '{}' is not the rows of this intake", snippet.title, use.name),
                                "read {object}; a view can compare tables", ErrorCode::sql_invalid);
            good = false;
        }
        if (!good || !sql_.contract_tables.contains(snippet.owner)) return;
        const auto columns = sql_.duckdb.bind(map.sql, fault);
        if (!columns) return sql_.report(fault, snippet.title, inside);
        if (columns->size() != 1 || !(columns->front().boolean || columns->front().numeric))
            sql_.problems.error(at(std::string::npos),
                                fmt::format("{}: the query must give one number or one boolean", snippet.title),
                                "for example select count(*) from {object} where …", ErrorCode::sql_invalid);
    }

    SqlRules& sql_;
};

}  // namespace

void check_snippet(SqlRules& sql, const SqlSnippet& snippet) { SnippetCheck(sql).run(snippet); }

}  // namespace weir::declare

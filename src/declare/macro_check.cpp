// macros.sql: CREATE MACRO statements, made in DuckDB one after the other, with what each reads and calls.
#include <fmt/format.h>

#include <algorithm>

#include "declare/contract_values.h"
#include "declare/macro_text.h"
#include "declare/own_functions.h"
#include "declare/sql_rules.h"

namespace weir::declare {
namespace {

using sql::quote_name;

// CREATE OR REPLACE TEMP MACRO name
constexpr std::size_t words_before_macro = 6;

class MacroCheck {
public:
    explicit MacroCheck(SqlRules& sql) : sql_(sql) {}

    void run() {
        std::error_code failure;
        if (!std::filesystem::exists(sql_.project.root / "macros.sql", failure)) return;
        const auto text = sql_.context.read_text("macros.sql");
        if (!text) return;
        const auto file = sql_.context.shown("macros.sql");
        const SqlOrigin origin{file, 1, *text};
        if (!check_text(
                *text, [&](std::size_t offset) { return origin.at(offset); }, sql_.problems))
            return;
        sql_.project.macros = *text;
        const auto tokens = sql_tokens(*text);
        for (const auto& token : tokens) {
            if (token.kind == SqlToken::Kind::parameter)
                sql_.problems.error(origin.at(token.begin), "a macro takes no parameters of the project",
                                    "hand them over as the macro's own arguments: my_macro(x, $word)");
        }
        for (const auto& range : sql_statements(*text)) read_macro(origin, range, tokens);
    }

private:
    using At = SqlRules::At;

    void read_macro(const SqlOrigin& origin, const SqlRange& range, const std::vector<SqlToken>& tokens) {
        std::vector<std::string> words;
        for (const auto& token : tokens) {
            if (token.begin >= range.begin && token.begin < range.end && words.size() < words_before_macro)
                words.push_back(lower(origin.text.substr(token.begin, token.end - token.begin)));
        }
        std::size_t i = 1;
        if (words.size() > 2 && words[1] == "or" && words[2] == "replace") i = 3;
        if (words.size() > i && (words[i] == "temp" || words[i] == "temporary")) ++i;
        const bool is_macro = !words.empty() && words[0] == "create" && words.size() > i + 1 &&
                              (words[i] == "macro" || words[i] == "function");
        if (!is_macro) {
            sql_.problems.error(origin.at(range.begin), "macros.sql holds CREATE MACRO statements only",
                                "put a SELECT into a file of views/");
            return;
        }
        auto name = words[i + 1];
        if (name.size() > 2 && name.front() == '"') name = name.substr(1, name.size() - 2);
        const auto what = fmt::format("macro {}", name);
        const std::string statement(origin.text.substr(range.begin, range.end - range.begin));
        const At at = [&](std::size_t offset) {
            return origin.at(offset == std::string::npos ? range.begin : range.begin + offset);
        };
        const bool has_parameter = std::any_of(tokens.begin(), tokens.end(), [&](const SqlToken& token) {
            return token.kind == SqlToken::Kind::parameter && token.begin >= range.begin && token.begin < range.end;
        });
        if (has_parameter) return;
        if (sql_.macros.contains(name)) {
            sql_.problems.error(origin.at(range.begin), fmt::format("the macro '{}' stands here twice", name),
                                "remove one of them");
            return;
        }
        if (is_taken(name)) {
            sql_.problems.error(origin.at(range.begin),
                                fmt::format("the macro '{}' would hide a function of that name", name),
                                "choose another name");
            return;
        }
        SqlFault fault;
        if (!sql_.duckdb.run(statement, fault)) {
            sql_.report(fault, what, at);
            return;
        }
        // Each form and each default as a SELECT of its own, for what it reads and calls.
        auto& uses = sql_.macros[name];
        const auto look_at = [&](const SqlRange& part, bool query) {
            const std::string lead = query ? "" : "SELECT (";
            const At part_at = [&](std::size_t offset) {
                return at(part.begin +
                          (offset == std::string::npos || offset < lead.size() ? 0 : offset - lead.size()));
            };
            const auto tree = sql_.duckdb.parse(
                lead + statement.substr(part.begin, part.end - part.begin) + (query ? "" : "\n)"), fault);
            if (!tree || tree->empty()) {
                sql_.problems.error(part_at(0), fmt::format("{}: it cannot be seen what this reads and calls", what),
                                    "write it as an expression, or as one SELECT");
                return;
            }
            auto found = uses_of(tree->front());
            sql_.check_deterministic(found, what, part_at);
            sql_.check_columns_deterministic(found, what, part_at);
            sql_.check_sources(found, what, part_at);
            uses.add(std::move(found));
        };
        for (const auto& form : macro_forms(statement)) {
            look_at(form.body, form.table);
            for (const auto& parameter : form.parameters)
                if (parameter.value.end > parameter.value.begin) look_at(parameter.value, false);
        }
    }

    // A macro goes before a function of its name, also where weir itself means the function.
    bool is_taken(const std::string& name) {
        if (!instead_of_own_function(name).empty()) return true;
        SqlFault fault;
        return sql_.duckdb.bind(fmt::format("SELECT {}()", quote_name(name)), fault) ||
               fault.subtype != "MISSING_ENTRY";
    }

    SqlRules& sql_;
};

}  // namespace

void read_macros(SqlRules& sql) { MacroCheck(sql).run(); }

}  // namespace weir::declare

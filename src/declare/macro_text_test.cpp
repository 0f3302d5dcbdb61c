#include "declare/macro_text.h"

#include <gtest/gtest.h>

namespace weir::declare {
namespace {

// "x y=1 -> body | …", a table's body with TABLE before it.
std::string told(std::string_view statement) {
    std::string text = macro_name(statement) + ":";
    const auto part = [&](const SqlRange& range) { return statement.substr(range.begin, range.end - range.begin); };
    for (const auto& form : macro_forms(statement)) {
        for (const auto& parameter : form.parameters) {
            text += " " + parameter.name;
            if (parameter.value.end > parameter.value.begin) text += "=" + std::string(part(parameter.value));
        }
        text += std::string(form.table ? " -> TABLE" : " ->") + std::string(part(form.body)) + " |";
    }
    return text;
}

TEST(MacroText, forms_parameters_and_defaults) {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"CREATE MACRO f(x) AS x + 1", "f: x -> x + 1 |"},
        {"create or replace temp function \"F \"\"g\"\"\"() as 1", "F \"g\": -> 1 |"},
        {"CREATE MACRO f(x, \"a, b\" := [1, (2)], c := 'x)') AS (x, c), (y) AS y",
         "f: x a, b= [1, (2)] c= 'x)' -> (x, c) | y -> y |"},
        {"CREATE MACRO f(x BIGINT, y DOUBLE := 1.5) AS x AS", "f: x y= 1.5 -> x AS |"},
        {"CREATE MACRO s.f(n) AS TABLE (SELECT 1 AS a, (n) AS b), (n, m) AS TABLE (SELECT n)",
         "f: n -> TABLE (SELECT 1 AS a, (n) AS b) | n m -> TABLE (SELECT n) |"},
        {"CREATE MACRO f(n) AS TABLE SELECT 1 AS a, (2) AS \"table\", 3",
         "f: n -> TABLE SELECT 1 AS a, (2) AS \"table\", 3 |"},
        {"CREATE MACRO f(x) /* , (y) AS */ AS {'k': x, 'l': [x, 2]}['k']", "f: x -> {'k': x, 'l': [x, 2]}['k'] |"},
        {"SELECT 1", ":"},
        {"CREATE MACRO f(x", "f:"},
    };
    for (const auto& [statement, expected] : cases) EXPECT_EQ(told(statement), expected) << statement;
}

}  // namespace
}  // namespace weir::declare

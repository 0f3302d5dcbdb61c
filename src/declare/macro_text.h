// What a CREATE MACRO statement holds, as places in its text: DuckDB has no parse tree of it to give.
//
//   CREATE MACRO share(x, of := 100) AS of * sum(x), (x, y, z) AS sum(x + y + z)
//                      └ parameters ┘    └─ body ──┘  └ another form ────────┘
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "declare/sql_text.h"

namespace weir::declare {

struct MacroParameter {
    std::string name;  // as it is written, without quotes
    SqlRange value{};  // the default; empty: none
};

struct MacroForm {
    std::vector<MacroParameter> parameters;
    SqlRange body;       // an expression, or a query
    bool table = false;  // AS TABLE
};

// As it is written, without quotes.
std::string macro_name(std::string_view statement);

// `statement`: one that DuckDB takes; the ranges lie in it. Several forms are overloads.
std::vector<MacroForm> macro_forms(std::string_view statement);

}  // namespace weir::declare

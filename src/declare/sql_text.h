// SQL as text with places: tokens, statements, and parameters replaced by literals. Never used to understand SQL (that
// is the parser's work), only to know where a parameter or a statement stands.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "declare/problems.h"
#include "declare/project.h"

namespace weir::declare {

struct SqlToken {
    enum class Kind { word, quoted_name, text, number, parameter, symbol };
    Kind kind = Kind::symbol;
    std::size_t begin = 0, end = 0;  // byte offsets
};

// Comments and blanks are left out. A text or comment that is never closed reaches to the end.
std::vector<SqlToken> sql_tokens(std::string_view sql);

struct SqlRange {
    std::size_t begin = 0, end = 0;
};
// The statements of a script, without their semicolons, blanks and comments around them; empty ones are left out.
std::vector<SqlRange> sql_statements(std::string_view sql);

// A text in which parameters were replaced, and the way back to the places of the original.
struct FilledSql {
    std::string sql;
    std::vector<std::string> used;  // parameters in the order in which they stand, repetitions included
    struct Piece {
        std::size_t begin, end;  // in the filled text
        std::size_t original_begin, original_end;
    };
    std::vector<Piece> pieces;

    // The offset in the original text; the start of the parameter for a place inside a literal.
    std::size_t original(std::size_t offset) const;
};

// Where an offset of the original text stands in the file.
struct SqlOrigin {
    std::string file;
    int first_line = 1;
    std::string_view text;  // the original
    Where at(std::size_t offset) const;
};

// Replaces $name by the parameter's value as a typed literal. Unknown names, $1 and ? are reported.
FilledSql fill_sql(const SqlOrigin& origin, const Project& project, Problems& problems);

}  // namespace weir::declare

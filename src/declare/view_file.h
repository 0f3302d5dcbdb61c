// views/*.sql: a YAML header in a comment /* weir … */ at the top, then one SELECT.
#pragma once

#include <string>
#include <string_view>

#include "declare/problems.h"
#include "declare/project.h"

namespace weir::declare {

struct ViewText {
    std::string_view header;  // YAML, without the comment's marks; empty: none
    int header_line = 1, header_column = 1;
    std::string sql;  // up to the last token, without the closing semicolon; columns are those of the file
    int sql_line = 1;
};

// Splits the text; a header that is never closed is reported.
ViewText split_view(std::string_view text, const std::string& file, Problems& problems);

// Description, keep and contract, from the header.
void read_view_header(const ViewText& text, const std::string& file, View& view, Problems& problems);

struct GeneratorHeader {
    std::string description;
    bool omit_nulls = false;
};
GeneratorHeader read_generator_header(const ViewText& text, const std::string& file, Problems& problems);

}  // namespace weir::declare

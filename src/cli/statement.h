// One statement that only reads.
#pragma once

#include <string>

#include "view/session.h"

namespace weir::cli {

struct ReadingStatement {
    std::string sql;         // without its semicolon, and blanks and comments around it
    std::size_t offset = 0;  // where it begins in the text
    bool is_explain = false;
};

// Opens and binds it in the session. Fails if there is none, if there are several, or if it is something else than
// SELECT, DESCRIBE, SUMMARIZE, SHOW or EXPLAIN of one of them. Places in errors are places in `text`.
Result<ReadingStatement> prepare_reading(view::Session& session, const std::string& text);

}  // namespace weir::cli

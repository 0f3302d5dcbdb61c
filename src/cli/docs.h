// The reference manual, printed from the tables that the program itself works with.
#pragma once

#include <string>
#include <vector>

namespace weir::cli {

struct ReferencePage {
    std::string file;  // "commands.md"
    std::string text;
};

std::vector<ReferencePage> reference_pages();

}  // namespace weir::cli

// The program: from the words of the command line to the exit code.
#pragma once

#include <span>
#include <string>

namespace weir::cli {

int run(std::span<const std::string> words);

}  // namespace weir::cli

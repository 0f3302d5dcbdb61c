// What the shell may offer for the last word of a command line.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cli/command.h"

namespace weir::cli {

struct Completion {
    enum class Rest { nothing, files, directories };
    std::vector<std::string> words;  // those that begin as the last word does
    Rest rest = Rest::nothing;       // what the shell adds by itself
};

// Names of the project that a kind of word stands for: tables, views, sources.
using NamesOf = std::function<std::vector<std::string>(Words)>;

// `words` is the command line behind `weir`; the last one is being typed and may be empty.
Completion complete(std::span<const std::string> words, const NamesOf& names_of);

}  // namespace weir::cli

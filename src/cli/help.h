// Help texts, made from the command table.
#pragma once

#include <string>
#include <string_view>

#include "cli/terminal.h"

namespace weir::cli {

// `topic` is empty, a group or a command, and is known to exist.
std::string help_text(std::string_view topic, const Terminal& terminal);

}  // namespace weir::cli

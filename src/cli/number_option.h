// Options that are numbers.
#pragma once

#include <optional>

#include "cli/parse.h"

namespace weir::cli {

// A whole number, at least `least`; nothing where the option is not given.
Result<std::optional<std::int64_t>> number_option(const Invocation& invocation, std::string_view option,
                                                  std::int64_t least);

}  // namespace weir::cli

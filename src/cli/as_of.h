// --as-of: a version number or a moment.
#pragma once

#include <string_view>

#include "lake/log/snapshot.h"

namespace weir::cli {

// "17", "2024-03-01", "2024-03-01T10:00:00", "2024-03-01 10:00:00.5+02:00". Without a zone it is UTC; a day is its
// start.
Result<lake::At> parse_as_of(std::string_view text);

}  // namespace weir::cli

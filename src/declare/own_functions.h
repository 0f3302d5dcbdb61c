// The SQL functions by which views keep states. They are for texts that weir writes itself: DuckDB ends the process
// where one of its C API's aggregates is called as a window, and what they give may change with any version.
#pragma once

#include <string_view>

namespace weir::declare {

// What a user writes instead; empty: it is none of them. Lower case.
std::string_view instead_of_own_function(std::string_view function);

}  // namespace weir::declare

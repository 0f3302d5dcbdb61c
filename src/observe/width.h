// How many columns of a terminal a text takes, and texts made safe to show there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weir::observe {

// Wide characters count two, combining ones none. `text` is UTF-8; a broken byte counts one.
std::size_t display_width(std::string_view text);

// The longest beginning that fits into `columns`, ending in "…" if something was cut.
std::string cut_to_width(std::string_view text, std::size_t columns);

// Line ends, tabs and other control characters as \n, \t, \x1b: data cannot move the cursor.
std::string printable(std::string_view text);

}  // namespace weir::observe

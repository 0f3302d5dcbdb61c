// Which build of the program this is.
#pragma once

#include <string>

namespace weir {

// The GNU build id of the running program, in hex: programs of the same code and settings have the same one. Empty
// where it was linked without.
std::string build_id();

}  // namespace weir

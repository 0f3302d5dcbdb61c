// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace weir::cli {

// "512 B", "1.5 KiB", "23.4 GiB"
std::string bytes_text(std::uint64_t bytes);

}  // namespace weir::cli

// The page, as console/ builds it into the program: its files, packed by gzip, with names that follow from their
// content.
#pragma once

#include <span>
#include <string_view>

namespace weir::serve {

struct Asset {
    std::string_view path;  // "/" or "/assets/NAME"
    std::string_view type;
    std::string_view tag;  // of the content
    std::size_t size = 0;  // unpacked
    std::span<const unsigned char> packed;
};

std::span<const Asset> console_assets();

}  // namespace weir::serve

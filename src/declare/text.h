// Places in text: UTF-8, lines, and columns that count characters.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace weir::declare {

struct TextPlace {
    int line = 1;
    int column = 1;
    bool operator==(const TextPlace&) const = default;
};

// Line and column, from 1, of a byte offset. Columns count code points.
TextPlace place_of(std::string_view text, std::size_t offset);

// The byte offset of the first byte that is not part of valid UTF-8 (overlong forms, surrogates and values above
// U+10FFFF are not valid), or nothing.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

std::string_view trimmed(std::string_view text);

// [A-Za-z_][A-Za-z0-9_]*, at most 128 characters: usable in SQL without quotes and as a directory's name.
bool is_plain_name(std::string_view name);

}  // namespace weir::declare

// Numbers in the bytes of sketches: little endian, or 7 bits a byte from the lowest on.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace weir::view {

template <class Number>
void put_fixed(std::string& text, Number number) {
    static_assert(sizeof(Number) == 8);
    std::uint64_t bits = 0;
    std::memcpy(&bits, &number, sizeof bits);
    for (int shift = 0; shift < 64; shift += 8) text += static_cast<char>((bits >> shift) & 0xff);
}

// The text has at least 8 bytes.
template <class Number>
Number get_fixed(std::string_view text) {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < 8; ++i)
        bits |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[i])) << (8 * i);
    Number number;
    std::memcpy(&number, &bits, sizeof number);
    return number;
}

inline void put_varint(std::string& text, std::uint64_t number) {
    for (; number >= 0x80; number >>= 7) text += static_cast<char>(0x80 | (number & 0x7f));
    text += static_cast<char>(number);
}

// Takes the number from the front; nothing where the text ends within it or it has more than 64 bits.
inline std::optional<std::uint64_t> take_varint(std::string_view& text) {
    std::uint64_t number = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        if (text.empty()) return std::nullopt;
        const auto byte = static_cast<unsigned char>(text.front());
        text.remove_prefix(1);
        if (shift == 63 && byte > 1) return std::nullopt;
        number |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) return number;
    }
    return std::nullopt;
}

}  // namespace weir::view

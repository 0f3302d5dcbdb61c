#include "lake/read/z85.h"

#include <array>
#include <cassert>
#include <cstdint>

namespace weir::lake {
namespace {

constexpr std::string_view alphabet =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
static_assert(alphabet.size() == 85);

constexpr auto digits = [] {
    std::array<std::int8_t, 256> table{};
    table.fill(-1);
    for (std::size_t i = 0; i < alphabet.size(); ++i)
        table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
    return table;
}();

}  // namespace

std::optional<std::string> z85_decode(std::string_view text) {
    if (text.size() % 5 != 0) return std::nullopt;
    std::string bytes;
    bytes.reserve(text.size() / 5 * 4);
    for (std::size_t i = 0; i < text.size(); i += 5) {
        std::uint64_t group = 0;
        for (const char c : text.substr(i, 5)) {
            const auto digit = digits[static_cast<unsigned char>(c)];
            if (digit < 0) return std::nullopt;
            group = group * 85 + static_cast<std::uint64_t>(digit);
        }
        if (group > 0xFFFFFFFFu) return std::nullopt;
        for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(group >> shift & 0xFF);
    }
    return bytes;
}

std::string z85_encode(std::string_view bytes) {
    assert(bytes.size() % 4 == 0);
    std::string text;
    text.reserve(bytes.size() / 4 * 5);
    for (std::size_t i = 0; i < bytes.size(); i += 4) {
        std::uint32_t group = 0;
        for (const char c : bytes.substr(i, 4)) group = group << 8 | static_cast<unsigned char>(c);
        std::array<char, 5> out{};
        for (auto at = out.rbegin(); at != out.rend(); ++at, group /= 85) *at = alphabet[group % 85];
        text.append(out.data(), out.size());
    }
    return text;
}

}  // namespace weir::lake

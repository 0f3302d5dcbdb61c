#include "lake/uuid.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <array>
#include <cstdint>
#include <random>

namespace weir::lake {

std::string new_uuid() {
    std::array<std::uint32_t, 4> words{};
    if (::getrandom(words.data(), sizeof words, 0) != static_cast<ssize_t>(sizeof words)) {
        std::random_device device;
        for (auto& word : words) word = device();
    }
    return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:04x}{:08x}", words[0], words[1] >> 16, words[1] & 0xFFFu,
                       (words[2] >> 16 & 0x3FFFu) | 0x8000u, words[2] & 0xFFFFu, words[3]);
}

}  // namespace weir::lake

#include "base/murmur2.h"

#include <cassert>
#include <cstddef>

namespace weir {

std::uint32_t murmur2(std::string_view bytes) {
    constexpr std::uint32_t seed = 0x9747b28c, multiplier = 0x5bd1e995;
    const auto byte = [&](std::size_t at) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at])); };
    auto hash = seed ^ static_cast<std::uint32_t>(bytes.size());
    std::size_t at = 0;
    for (; at + 4 <= bytes.size(); at += 4) {
        auto word = byte(at) | byte(at + 1) << 8 | byte(at + 2) << 16 | byte(at + 3) << 24;
        word *= multiplier;
        word ^= word >> 24;
        word *= multiplier;
        hash *= multiplier;
        hash ^= word;
    }
    if (at < bytes.size()) {
        for (std::size_t i = bytes.size(); i-- > at;) hash ^= byte(i) << (8 * (i - at));
        hash *= multiplier;
    }
    hash ^= hash >> 13;
    hash *= multiplier;
    hash ^= hash >> 15;
    return hash;
}

std::int32_t kafka_partition(std::string_view key, std::int32_t partitions) {
    assert(partitions > 0);
    return static_cast<std::int32_t>(murmur2(key) & 0x7fffffff) % partitions;
}

}  // namespace weir

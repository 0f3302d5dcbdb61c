// The hash of a key, wide enough that two keys of one table never share it, and the day on which the key arrived.
#pragma once

#include <compare>
#include <cstdint>

namespace weir::contract {

struct Hash128 {
    std::uint64_t hi = 0;
    std::uint64_t lo = 0;
    friend constexpr auto operator<=>(const Hash128&, const Hash128&) = default;
};

struct KeyEntry {
    Hash128 hash;
    std::int32_t day = 0;  // days since 1970-01-01
    friend constexpr auto operator<=>(const KeyEntry&, const KeyEntry&) = default;
};

// Passed as `oldest_day` where a contract has no horizon: every entry counts.
inline constexpr std::int32_t no_horizon = INT32_MIN;

}  // namespace weir::contract

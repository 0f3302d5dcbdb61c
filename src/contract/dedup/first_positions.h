// Of each key the smallest position that was told, for keys that come in any order: an open-addressing table that
// grows.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "contract/dedup/hash128.h"

namespace weir::contract {

class FirstPositions {
public:
    // Notes that the key stands at `position` (from 0). Gives the position that was known for it before; the smaller
    // one of both is known from now on.
    std::optional<std::int64_t> put(const Hash128& key, std::int64_t position);

    std::size_t size() const { return size_; }
    // The keys, each once and ascending, with the day of their position.
    template <class DayOf>
    std::vector<KeyEntry> sorted(const DayOf& day_of) const;

private:
    struct Slot {
        Hash128 key;
        std::int64_t position = -1;  // -1: free
    };
    Slot& slot_of(const Hash128& key);
    void grow();
    static std::vector<KeyEntry> in_order(std::vector<KeyEntry> entries);

    std::vector<Slot> slots_;  // a power of two of them
    std::size_t size_ = 0;
};

template <class DayOf>
std::vector<KeyEntry> FirstPositions::sorted(const DayOf& day_of) const {
    std::vector<KeyEntry> entries;
    entries.reserve(size_);
    for (const auto& slot : slots_) {
        if (slot.position >= 0) entries.push_back({slot.key, day_of(slot.position)});
    }
    return in_order(std::move(entries));
}

}  // namespace weir::contract

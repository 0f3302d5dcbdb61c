#include "contract/dedup/first_positions.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace weir::contract {
namespace {

constexpr std::size_t slots_min = 4096;

}  // namespace

std::optional<std::int64_t> FirstPositions::put(const Hash128& key, std::int64_t position) {
    // At most three quarters full.
    if ((size_ + 1) * 4 > slots_.size() * 3) grow();
    auto& slot = slot_of(key);
    if (slot.position < 0) {
        slot = {key, position};
        ++size_;
        return std::nullopt;
    }
    const auto known = slot.position;
    slot.position = std::min(known, position);
    return known;
}

// The keys are hashes: their bits need no further mixing. By the highest of them the table is nearly in order, which
// makes it cheap to sort.
FirstPositions::Slot& FirstPositions::slot_of(const Hash128& key) {
    const auto mask = slots_.size() - 1;
    auto at = static_cast<std::size_t>(key.hi >> (64 - std::countr_zero(slots_.size())));
    while (slots_[at].position >= 0 && slots_[at].key != key) at = (at + 1) & mask;
    return slots_[at];
}

void FirstPositions::grow() {
    auto full = std::exchange(slots_, std::vector<Slot>(std::max(slots_min, slots_.size() * 2)));
    for (const auto& slot : full) {
        if (slot.position >= 0) slot_of(slot.key) = slot;
    }
}

std::vector<KeyEntry> FirstPositions::in_order(std::vector<KeyEntry> entries) {
    std::ranges::sort(entries);
    return entries;
}

}  // namespace weir::contract

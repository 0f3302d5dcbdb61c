#include "contract/dedup/first_positions.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace weir::contract {
namespace {

TEST(FirstPositions, the_smallest_position_of_a_key_stays) {
    FirstPositions positions;
    EXPECT_EQ(positions.put({7, 1}, 30), std::nullopt);
    EXPECT_EQ(positions.put({7, 1}, 40), 30);
    EXPECT_EQ(positions.put({7, 1}, 20), 30);
    EXPECT_EQ(positions.put({7, 1}, 25), 20);
    EXPECT_EQ(positions.put({7, 2}, 0), std::nullopt);  // the same place of the table, another key
    EXPECT_EQ(positions.size(), 2U);
    const auto entries = positions.sorted([](std::int64_t position) { return static_cast<std::int32_t>(position); });
    EXPECT_EQ(entries, (std::vector<KeyEntry>{{{7, 1}, 20}, {{7, 2}, 0}}));
}

TEST(FirstPositions, any_keys_in_any_order) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    FirstPositions positions;
    std::map<Hash128, std::int64_t> expected;
    for (int i = 0; i < 100'000; ++i) {
        // Few places, so that they collide and wrap around.
        const Hash128 key{(random() % 20'000) << 50, random() % 3};
        const auto position = static_cast<std::int64_t>(random() % 1'000'000);
        const auto [known, is_new] = expected.emplace(key, position);
        EXPECT_EQ(positions.put(key, position), is_new ? std::nullopt : std::optional(known->second));
        known->second = std::min(known->second, position);
    }
    std::vector<KeyEntry> sorted;
    for (const auto& [key, position] : expected) sorted.push_back({key, static_cast<std::int32_t>(position)});
    EXPECT_EQ(positions.sorted([](std::int64_t position) { return static_cast<std::int32_t>(position); }), sorted);
}

}  // namespace
}  // namespace weir::contract

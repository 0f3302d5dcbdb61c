#include "contract/dedup/duplicate_index.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <random>

namespace weir::contract {
namespace {

class DuplicateIndexTest : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "weir-dedup-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
    }
    void TearDown() override { fs::remove_all(directory_); }

    DuplicateIndex open(std::string identity = "orders by id") {
        auto index = DuplicateIndex::open(directory_, {.identity = std::move(identity), .sync = false});
        EXPECT_TRUE(index.ok()) << to_string(index.error());
        return std::move(*index);
    }

    std::vector<fs::path> files() const {
        std::vector<fs::path> found;
        for (const auto& entry : fs::directory_iterator(directory_)) found.push_back(entry.path());
        std::ranges::sort(found);
        return found;
    }

    fs::path directory_;
};

std::vector<KeyEntry> keys(std::initializer_list<std::uint64_t> numbers, std::int32_t day = 0) {
    std::vector<KeyEntry> entries;
    for (const auto number : numbers) entries.push_back({{number, number}, day});
    std::ranges::sort(entries);
    return entries;
}

std::vector<std::uint8_t> probe(const DuplicateIndex& index, const std::vector<KeyEntry>& entries,
                                std::int32_t oldest = no_horizon) {
    std::vector<Hash128> hashes;
    hashes.reserve(entries.size());
    for (const auto& entry : entries) hashes.push_back(entry.hash);
    const auto seen = index.probe(hashes, oldest);
    EXPECT_TRUE(seen.ok()) << to_string(seen.error());
    return seen ? *seen : std::vector<std::uint8_t>{};
}

using Seen = std::vector<std::uint8_t>;

TEST_F(DuplicateIndexTest, an_empty_index_has_seen_nothing) {
    const auto index = open();
    EXPECT_EQ(index.covers(), std::nullopt);
    EXPECT_EQ(probe(index, keys({1, 2})), (Seen{0, 0}));
    EXPECT_EQ(probe(index, {}), Seen{});
}

TEST_F(DuplicateIndexTest, remembers_over_a_restart) {
    {
        auto index = open();
        ASSERT_TRUE(index.add(keys({1, 3}), 0).ok());
        ASSERT_TRUE(index.add(keys({5}), 4).ok());
        EXPECT_EQ(index.covers(), 4);
    }
    const auto index = open();
    EXPECT_EQ(index.covers(), 4);
    EXPECT_EQ(index.keys(), 3u);
    EXPECT_EQ(probe(index, keys({1, 2, 3, 4, 5})), (Seen{1, 0, 1, 0, 1}));
}

TEST_F(DuplicateIndexTest, a_version_that_is_covered_changes_nothing) {
    auto index = open();
    ASSERT_TRUE(index.add(keys({1}), 7).ok());
    ASSERT_TRUE(index.add(keys({2}), 7).ok());
    ASSERT_TRUE(index.add(keys({2}), 3).ok());
    EXPECT_EQ(probe(index, keys({1, 2})), (Seen{1, 0}));
    ASSERT_TRUE(index.add({}, 9).ok());
    EXPECT_EQ(index.covers(), 9);
}

TEST_F(DuplicateIndexTest, an_index_of_other_keys_is_not_used) {
    { ASSERT_TRUE(open().add(keys({1}), 0).ok()); }
    const auto index = open("orders by id and day");
    EXPECT_EQ(index.covers(), std::nullopt);
    EXPECT_TRUE(index.damage().empty());
    EXPECT_EQ(probe(index, keys({1})), Seen{0});
}

TEST_F(DuplicateIndexTest, the_horizon_hides_and_merges_drop) {
    auto index = open();
    ASSERT_TRUE(index.add(keys({1, 2}, 10), 0).ok());
    EXPECT_EQ(probe(index, keys({1}), 10), Seen{1});
    EXPECT_EQ(probe(index, keys({1}), 11), Seen{0});
    // The key comes again after the horizon and counts from that day on.
    ASSERT_TRUE(index.add(keys({1}, 20), 1, 11).ok());
    EXPECT_EQ(probe(index, keys({1, 2}), 11), (Seen{1, 0}));
    EXPECT_EQ(index.keys(), 1u);
}

// Random batches from a small set of keys, restarts and rebuilds in between, against a map.
TEST_F(DuplicateIndexTest, agrees_with_a_map) {
    const auto seed = static_cast<std::uint64_t>(std::random_device{}());
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const auto key_of = [](std::uint64_t number) {
        // Some crowd at the ends, most spread.
        return number % 10 == 0 ? Hash128{UINT64_MAX, number} : Hash128{number * 0x9e3779b97f4a7c15u, number};
    };
    for (int round = 0; round < 12; ++round) {
        fs::remove_all(directory_);
        const std::uint64_t space = 1 + random() % 60'000;
        std::map<Hash128, std::int32_t> reference;
        auto index = open();
        std::int32_t oldest = 0;
        for (std::int64_t version = 0; version < 40; ++version) {
            const auto size = random() % (version % 7 == 0 ? 9000 : 500);
            std::map<Hash128, std::int32_t> batch;
            for (std::size_t i = 0; i < size; ++i) {
                batch[key_of(random() % space)] = static_cast<std::int32_t>(version);
            }
            if (version > 25) oldest = static_cast<std::int32_t>(version) - 25;
            std::vector<KeyEntry> entries;
            entries.reserve(batch.size());
            for (const auto& [hash, day] : batch) entries.push_back({hash, day});
            const auto seen = probe(index, entries, oldest);
            std::vector<KeyEntry> fresh;
            for (std::size_t i = 0; i < entries.size(); ++i) {
                const auto at = reference.find(entries[i].hash);
                ASSERT_EQ(seen[i] != 0, at != reference.end() && at->second >= oldest);
                if (seen[i] == 0) fresh.push_back(entries[i]);
            }
            for (const auto& entry : fresh) reference[entry.hash] = entry.day;
            ASSERT_TRUE(index.add(fresh, version, oldest).ok());
            if (random() % 5 == 0) index = open();
            if (random() % 20 == 0) {
                const auto status = index.rebuild(version, [&](const DuplicateIndex::Take& take) -> Status {
                    std::vector<KeyEntry> piece;
                    for (const auto& [hash, day] : reference) {
                        piece.insert(piece.begin() + static_cast<std::ptrdiff_t>(random() % (piece.size() + 1)),
                                     {hash, day});
                        if (piece.size() == 700) {
                            WEIR_TRY(take(piece));
                            piece.clear();
                        }
                    }
                    return take(piece);
                });
                ASSERT_TRUE(status.ok()) << to_string(status.error());
                ASSERT_EQ(index.runs(), 1u);
            }
            ASSERT_EQ(index.covers(), version);
            ASSERT_EQ(files().size(), index.runs());
        }
    }
}

TEST_F(DuplicateIndexTest, a_rebuild_larger_than_its_memory_sorts_on_disk) {
    auto index = DuplicateIndex::open(directory_, {.identity = "k", .sync = false, .rebuild_bytes = 1});
    ASSERT_TRUE(index.ok());
    std::mt19937_64 random(1);
    std::vector<KeyEntry> entries(20'000);
    for (auto& entry : entries) entry = {{random(), random()}, 0};
    ASSERT_TRUE(index->rebuild(5, [&](const auto& take) { return take(entries); }).ok());
    EXPECT_EQ(index->keys(), entries.size());
    EXPECT_EQ(files().size(), 1u);
    std::ranges::sort(entries);
    EXPECT_EQ(probe(*index, entries), Seen(entries.size(), 1));
}

TEST_F(DuplicateIndexTest, a_rebuild_that_stops_leaves_the_index_as_it_was) {
    auto index = open();
    ASSERT_TRUE(index.add(keys({1}), 0).ok());
    const auto status = index.rebuild(9, [](const auto& take) -> Status {
        WEIR_TRY(take(keys({2})));
        return Error{.code = ErrorCode::io_failed, .message = "the lake cannot be read"};
    });
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, ErrorCode::io_failed);
    EXPECT_EQ(probe(index, keys({1, 2})), (Seen{1, 0}));
    EXPECT_EQ(files().size(), 1u);
}

TEST_F(DuplicateIndexTest, a_damaged_run_is_told_and_the_commits_before_it_still_count) {
    std::vector<KeyEntry> first;
    for (std::uint64_t i = 0; i < 20'000; ++i) first.push_back({{i << 40, i}, 0});
    {
        auto index = open();
        ASSERT_TRUE(index.add(first, 0).ok());
        ASSERT_TRUE(index.add(keys({7}), 1).ok());
        ASSERT_EQ(index.runs(), 2u);
    }
    std::fstream(files().back(), std::ios::in | std::ios::out | std::ios::binary).seekp(-1, std::ios::end).put('x');
    auto index = open();
    ASSERT_EQ(index.damage().size(), 1u);
    EXPECT_EQ(index.damage()[0].code, ErrorCode::table_damaged);
    EXPECT_EQ(index.covers(), 0);
    ASSERT_TRUE(index.add(keys({7}), 1).ok());
    EXPECT_EQ(probe(index, keys({7})), Seen{1});
    EXPECT_EQ(probe(index, first), Seen(first.size(), 1));
}

TEST_F(DuplicateIndexTest, a_damaged_page_is_an_error_and_a_rebuild_mends_it) {
    auto index = open();
    ASSERT_TRUE(index.add(keys({1, 2, 3}), 0).ok());
    std::fstream(files()[0], std::ios::in | std::ios::out | std::ios::binary).seekp(100).put('x');
    index = open();
    EXPECT_EQ(index.covers(), 0);
    const std::vector<Hash128> hashes{{1, 1}};
    const auto seen = index.probe(hashes);
    ASSERT_FALSE(seen.ok());
    EXPECT_EQ(seen.error().code, ErrorCode::table_damaged);
    ASSERT_TRUE(index.rebuild(0, [](const auto& take) { return take(keys({3, 1, 2})); }).ok());
    EXPECT_EQ(probe(index, keys({1, 4})), (Seen{1, 0}));
}

TEST_F(DuplicateIndexTest, a_lost_file_ends_the_chain) {
    std::vector<KeyEntry> many;
    for (std::uint64_t i = 0; i < 20'000; ++i) many.push_back({{i << 40, i}, 0});
    {
        auto index = open();
        ASSERT_TRUE(index.add(many, 0).ok());
        ASSERT_TRUE(index.add(keys({7}), 1).ok());
    }
    fs::remove(files().front());
    EXPECT_EQ(open().covers(), std::nullopt);
    EXPECT_TRUE(files().empty());
}

TEST_F(DuplicateIndexTest, clear_forgets_everything) {
    auto index = open();
    ASSERT_TRUE(index.add(keys({1}), 3).ok());
    ASSERT_TRUE(index.clear().ok());
    EXPECT_EQ(index.covers(), std::nullopt);
    EXPECT_TRUE(files().empty());
}

// The keys of commit `version`: 50 small commits, then a large one.
std::vector<KeyEntry> commit_keys(std::int64_t version) {
    std::mt19937_64 random(static_cast<std::uint64_t>(version));
    std::vector<KeyEntry> entries(version % 51 == 50 ? 20'000 : 300);
    for (auto& entry : entries) entry = {{random(), random()}, 0};
    std::ranges::sort(entries);
    return entries;
}

// A child adds commits until it is killed; what is left must be exactly the commits that covers() names.
TEST_F(DuplicateIndexTest, killed_at_any_moment_it_holds_whole_commits) {
    std::mt19937_64 random(std::random_device{}());
    std::int64_t reached = -1;
    // A slow child (under a sanitizer, on a busy machine) gets more rounds to come as far.
    for (int round = 0; round < 60 || (reached <= 10 && round < 1000); ++round) {
        const auto child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            auto index = DuplicateIndex::open(directory_, {.identity = "orders by id", .sync = false});
            if (!index) ::_exit(1);
            for (auto version = index->covers().value_or(-1) + 1;; ++version) {
                if (!index->add(commit_keys(version), version)) ::_exit(1);
            }
        }
        ::usleep(static_cast<useconds_t>(1000 + random() % 20'000));
        ::kill(child, SIGKILL);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status)) << "the child failed by itself";

        const auto index = open();
        EXPECT_TRUE(index.damage().empty());
        const auto covered = index.covers().value_or(-1);
        ASSERT_GE(covered, reached);
        reached = covered;
        std::uint64_t expected = 0;
        for (std::int64_t version = 0; version <= covered; ++version) {
            const auto entries = commit_keys(version);
            expected += entries.size();
            if (version != covered && version % 37 != 0) continue;
            EXPECT_EQ(probe(index, entries), Seen(entries.size(), 1));
        }
        EXPECT_EQ(index.keys(), expected);
        EXPECT_EQ(files().size(), index.runs());
    }
    EXPECT_GT(reached, 10);
}

}  // namespace
}  // namespace weir::contract

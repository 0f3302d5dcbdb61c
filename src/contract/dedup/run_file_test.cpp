#include "contract/dedup/run_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <random>

namespace weir::contract {
namespace {

class RunFileTest : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "weir-run-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
    }
    void TearDown() override { fs::remove_all(directory_); }

    fs::path write(const std::vector<KeyEntry>& entries, std::uint64_t keys_max = 0) {
        const auto path = directory_ / "keys.run";
        fs::remove(path);
        auto writer = RunWriter::create(path, std::max<std::uint64_t>(keys_max, entries.size()));
        EXPECT_TRUE(writer.ok());
        for (const auto& entry : entries) EXPECT_TRUE(writer->add(entry).ok());
        EXPECT_TRUE(writer->finish({3, 7}, 42, false).ok());
        return path;
    }

    fs::path directory_;
};

std::vector<KeyEntry> random_entries(std::size_t count, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<KeyEntry> entries(count);
    for (auto& entry : entries) entry = {{random(), random()}, static_cast<std::int32_t>(random() % 100)};
    std::ranges::sort(entries);
    return entries;
}

std::vector<std::uint8_t> probe(const RunView& view, const std::vector<Hash128>& hashes, std::int32_t oldest) {
    std::vector<std::uint8_t> seen(hashes.size());
    const auto status = view.probe(hashes, oldest, seen);
    EXPECT_TRUE(status.ok()) << to_string(status.error());
    return seen;
}

TEST_F(RunFileTest, finds_what_was_added_and_nothing_else) {
    for (const std::size_t count : {0u, 1u, 203u, 204u, 205u, 408u, 5000u, 100'000u}) {
        const auto entries = random_entries(count, count + 1);
        const auto run = RunFile::open(write(entries, count == 5000 ? 50'000 : 0));
        ASSERT_TRUE(run.ok()) << to_string(run.error());
        EXPECT_EQ(run->view().footer().keys, count);
        EXPECT_EQ(run->view().footer().range, (RunRange{3, 7}));
        EXPECT_EQ(run->view().footer().identity, 42u);
        std::vector<Hash128> hashes;
        for (const auto& entry : entries) {
            hashes.push_back(entry.hash);
            hashes.push_back({entry.hash.hi, entry.hash.lo + 1});
            hashes.push_back({entry.hash.hi + 1, entry.hash.lo});
        }
        hashes.push_back({0, 0});
        hashes.push_back({UINT64_MAX, UINT64_MAX});
        std::ranges::sort(hashes);
        const auto seen = probe(run->view(), hashes, 50);
        std::map<Hash128, std::int32_t> expected;
        for (const auto& entry : entries) expected[entry.hash] = entry.day;
        for (std::size_t i = 0; i < hashes.size(); ++i) {
            const auto at = expected.find(hashes[i]);
            EXPECT_EQ(seen[i] != 0, at != expected.end() && at->second >= 50);
        }
    }
}

TEST_F(RunFileTest, hashes_that_crowd_together_are_told_apart) {
    std::vector<KeyEntry> entries;
    std::vector<Hash128> hashes;
    for (const std::uint64_t hi : {std::uint64_t{0}, std::uint64_t{7}, UINT64_MAX}) {
        for (std::uint64_t lo = 0; lo < 1000; ++lo) {
            if (lo % 2 == 0) entries.push_back({{hi, lo}, 1});
            hashes.push_back({hi, lo});
        }
    }
    const auto run = RunFile::open(write(entries));
    ASSERT_TRUE(run.ok());
    const auto seen = probe(run->view(), hashes, no_horizon);
    for (std::size_t i = 0; i < hashes.size(); ++i) EXPECT_EQ(seen[i] != 0, hashes[i].lo % 2 == 0);
}

TEST_F(RunFileTest, the_latest_day_of_a_hash_is_kept) {
    const auto run = RunFile::open(write({{{1, 1}, 5}, {{1, 1}, 9}, {{2, 2}, 5}}));
    ASSERT_TRUE(run.ok());
    EXPECT_EQ(run->view().footer().keys, 2u);
    EXPECT_EQ(probe(run->view(), {{1, 1}, {2, 2}}, 6), (std::vector<std::uint8_t>{1, 0}));
}

TEST_F(RunFileTest, pages_come_back_in_order) {
    const auto entries = random_entries(1000, 5);
    const auto run = RunFile::open(write(entries));
    ASSERT_TRUE(run.ok());
    std::vector<KeyEntry> read;
    for (std::size_t page = 0; page < run->view().footer().key_pages; ++page) {
        ASSERT_TRUE(run->view().read_page(page, read).ok());
    }
    EXPECT_EQ(read, entries);
}

// Opens the bytes and touches everything in them.
Status read_all(const std::string& bytes, const std::vector<Hash128>& hashes) {
    std::vector<Hash128> aligned(bytes.size() / sizeof(Hash128) + 1);
    std::memcpy(aligned.data(), bytes.data(), bytes.size());
    WEIR_ASSIGN(const auto view,
                RunView::parse({reinterpret_cast<const std::byte*>(aligned.data()), bytes.size()}, "keys.run"));
    std::vector<std::uint8_t> seen(hashes.size());
    WEIR_TRY(view.probe(hashes, no_horizon, seen));
    std::vector<KeyEntry> entries;
    for (std::size_t page = 0; page < view.footer().key_pages; ++page) WEIR_TRY(view.read_page(page, entries));
    return ok();
}

TEST_F(RunFileTest, every_damaged_byte_is_noticed) {
    const auto entries = random_entries(300, 9);
    const auto good = read_file(write(entries), 1 << 20);
    ASSERT_TRUE(good.ok());
    std::vector<Hash128> hashes;
    for (const auto& entry : entries) hashes.push_back(entry.hash);
    ASSERT_TRUE(read_all(*good, hashes).ok());
    std::string bytes = *good;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<char>(bytes[i] ^ 0x10);
        const auto status = read_all(bytes, hashes);
        ASSERT_FALSE(status.ok()) << "byte " << i;
        EXPECT_EQ(status.error().code, ErrorCode::table_damaged);
        bytes[i] = (*good)[i];
    }
}

TEST_F(RunFileTest, every_cut_is_noticed) {
    const auto good = read_file(write(random_entries(300, 9)), 1 << 20);
    ASSERT_TRUE(good.ok());
    for (std::size_t size = 0; size < good->size(); size += 7) EXPECT_FALSE(read_all(good->substr(0, size), {}).ok());
}

TEST_F(RunFileTest, an_empty_file_is_damaged) {
    std::ofstream(directory_ / "keys.run").flush();
    const auto run = RunFile::open(directory_ / "keys.run");
    ASSERT_FALSE(run.ok());
    EXPECT_EQ(run.error().code, ErrorCode::table_damaged);
}

}  // namespace
}  // namespace weir::contract

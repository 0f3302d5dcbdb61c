#include "lake/read/deletion_vector.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "lake/read/z85.h"
#include "lake/store/local_store.h"
#include "lake/testing.h"

namespace weir::lake {
namespace {

std::string little(std::uint64_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i & 0xFF);
    return text;
}
std::string big(std::uint32_t value) {
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 0xFF);
    return text;
}

constexpr std::uint32_t magic = 1681511377;
// One bucket with one array container.
std::string array_vector(std::uint32_t bucket, std::uint16_t key, const std::vector<std::uint16_t>& values) {
    auto bytes = little(magic, 4) + little(1, 8) + little(bucket, 4) + little(12346, 4) + little(1, 4) +
                 little(key, 2) + little(values.size() - 1, 2) + little(16, 4);
    for (const auto value : values) bytes += little(value, 2);
    return bytes;
}

using Rows = std::vector<std::int64_t>;

TEST(DeletionVectors, arrays_bitmaps_and_runs) {
    EXPECT_EQ(*decode_deletion_vector(array_vector(0, 0, {3, 5, 65535})), (Rows{3, 5, 65535}));
    EXPECT_EQ(*decode_deletion_vector(array_vector(1, 2, {7})), (Rows{(1LL << 32) + (2 << 16) + 7}));
    EXPECT_EQ(*decode_deletion_vector(little(magic, 4) + little(0, 8)), Rows{});

    auto bitmap = little(magic, 4) + little(1, 8) + little(0, 4) + little(12346, 4) + little(1, 4) + little(0, 2) +
                  little(4999, 2) + little(16, 4);
    std::string bits(8192, '\0');
    Rows expected;
    for (int i = 0; i < 5000; ++i) {
        const int row = i * 13;
        bits[static_cast<std::size_t>(row / 8)] =
            static_cast<char>(bits[static_cast<std::size_t>(row / 8)] | 1 << row % 8);
        expected.push_back(row);
    }
    EXPECT_EQ(*decode_deletion_vector(bitmap + bits), expected);

    const auto runs = little(magic, 4) + little(1, 8) + little(0, 4) + little(12347, 4) + little(1, 1) + little(0, 2) +
                      little(4, 2) + little(2, 2) + little(1, 2) + little(2, 2) + little(10, 2) + little(1, 2);
    EXPECT_EQ(*decode_deletion_vector(runs), (Rows{1, 2, 3, 10, 11}));
}

TEST(DeletionVectors, damage_is_an_error_at_every_length) {
    const auto whole = array_vector(0, 0, {3, 5, 65535});
    for (std::size_t length = 0; length < whole.size(); ++length)
        EXPECT_FALSE(decode_deletion_vector(whole.substr(0, length))) << length;
    EXPECT_FALSE(decode_deletion_vector(little(1, 4) + whole.substr(4)));
    EXPECT_FALSE(decode_deletion_vector(little(magic, 4) + little(~0ULL, 8)));
}

TEST(DeletionVectors, names_come_from_a_z85_uuid) {
    const auto path = deletion_vector_path("ab^-aqEH.-t@S}K{vb[*k^");
    ASSERT_TRUE(path);
    EXPECT_EQ(*path, "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin");
    EXPECT_FALSE(deletion_vector_path("short"));
    EXPECT_FALSE(deletion_vector_path("                    "));
}

class VectorFiles : public LakeTest {};

TEST_F(VectorFiles, inline_and_in_a_file_with_every_check) {
    const auto payload = array_vector(0, 0, {1, 4});
    auto padded = payload;
    while (padded.size() % 4 != 0) padded += '\0';
    LocalStore store(root, Sync::none);
    const auto size = static_cast<std::int64_t>(payload.size());
    EXPECT_EQ(*read_deletion_vector(store, {"i", z85_encode(padded), {}, size, 2}), (Rows{1, 4}));
    EXPECT_FALSE(read_deletion_vector(store, {"i", z85_encode(padded), {}, size, 3}));

    const auto crc = ::crc32(0, reinterpret_cast<const Bytef*>(payload.data()), static_cast<uInt>(payload.size()));
    const auto file =
        std::string("\x01") + big(static_cast<std::uint32_t>(size)) + payload + big(static_cast<std::uint32_t>(crc));
    const std::string name = "^-aqEH.-t@S}K{vb[*k^";
    const auto path = *deletion_vector_path(name);
    must(store.put(path, file));
    EXPECT_EQ(*read_deletion_vector(store, {"u", name, 1, size, 2}), (Rows{1, 4}));
    EXPECT_FALSE(read_deletion_vector(store, {"u", name, 1, size + 1, 2}));
    EXPECT_FALSE(read_deletion_vector(store, {"u", name, 2, size, 2}));
    EXPECT_FALSE(read_deletion_vector(store, {"x", name, 1, size, 2}));
    for (std::size_t at = 0; at < file.size(); ++at) {
        auto damaged = file;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
        must(store.put(path, damaged));
        const auto rows = read_deletion_vector(store, {"u", name, 1, size, 2});
        ASSERT_FALSE(rows) << at;
        EXPECT_EQ(rows.error().code, ErrorCode::table_damaged);
    }
    must(store.remove(path));
    EXPECT_EQ(read_deletion_vector(store, {"u", name, 1, size, 2}).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace weir::lake

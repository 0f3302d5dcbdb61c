#include "lake/log/paths.h"

#include <gtest/gtest.h>

namespace weir::lake {
namespace {

TEST(LogFiles, are_known_by_their_names) {
    using Kind = LogFile::Kind;
    struct Case {
        const char* name;
        std::optional<Kind> kind;
        std::int64_t version;
    };
    const Case cases[] = {
        {"00000000000000000007.json", Kind::commit, 7},
        {"7.json", Kind::commit, 7},
        {"00000000000000000007.crc", Kind::crc, 7},
        {"00000000000000000010.checkpoint.parquet", Kind::checkpoint, 10},
        {"00000000000000000010.checkpoint.0000000001.0000000003.parquet", Kind::checkpoint_part, 10},
        {"00000000000000000010.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.parquet", Kind::checkpoint_v2, 10},
        {"00000000000000000010.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json", Kind::checkpoint_v2, 10},
        {"00000000000000000004.00000000000000000006.compacted.json", Kind::compacted, 4},
        {"00000000000000000010.checkpoint.0000000004.0000000003.parquet", std::nullopt, 0},
        {"_last_checkpoint", std::nullopt, 0},
        {".00000000000000000007.json.crc", std::nullopt, 0},
        {".00000000000000000007.json.tmp-12-3", std::nullopt, 0},
        {"00000000000000000007.json.tmp", std::nullopt, 0},
        {"-7.json", std::nullopt, 0},
        {"99999999999999999999.json", std::nullopt, 0},
        {"", std::nullopt, 0},
    };
    for (const auto& c : cases) {
        const auto file = parse_log_file(c.name);
        ASSERT_EQ(file.has_value(), c.kind.has_value()) << c.name;
        if (!file) continue;
        EXPECT_EQ(file->kind, *c.kind) << c.name;
        EXPECT_EQ(file->version.get(), c.version) << c.name;
    }
    EXPECT_EQ(commit_path(TableVersion(7)), "_delta_log/00000000000000000007.json");
}

TEST(PartitionFolders, are_escaped_twice_on_their_way_into_the_log) {
    EXPECT_EQ(hive_escape("bar+%21"), "bar+%2521");
    EXPECT_EQ(uri_encode_path("_2=" + hive_escape("bar+%21")), "_2=bar+%252521");
    EXPECT_EQ(hive_escape("a b&c\xC3\xA9"), "a b&c\xC3\xA9");
    EXPECT_EQ(hive_escape("\x01\x7F\"#%'*/:=?\\{[]^"), "%01%7F%22%23%25%27%2A%2F%3A%3D%3F%5C%7B%5B%5D%5E");
    EXPECT_EQ(uri_encode_path("p=a b/\xC3\xA9.parquet"), "p=a%20b/%C3%A9.parquet");
}

TEST(DataPaths, are_decoded_once_and_canonical) {
    struct Case {
        const char* written;
        const char* text;
        bool absolute;
    };
    const Case cases[] = {
        {"part-1.parquet", "part-1.parquet", false},
        {"_2=bar+%252521/p.parquet", "_2=bar+%2521/p.parquet", false},
        {"a%20b", "a b", false},
        {"100%", "100%", false},
        {"/a/b", "/a/b", true},
        {"file:/a/b", "/a/b", true},
        {"file:///a/b%20c", "/a/b c", true},
        {"p=a:b/c", "p=a:b/c", false},
    };
    for (const auto& c : cases) {
        const auto path = decode_data_path(c.written);
        ASSERT_TRUE(path) << c.written;
        EXPECT_EQ(path->text, c.text);
        EXPECT_EQ(path->absolute, c.absolute);
    }
    EXPECT_FALSE(decode_data_path("s3://bucket/key"));
    EXPECT_FALSE(decode_data_path("file://host/a"));
    for (int c = 1; c < 256; ++c) {
        const std::string text = "x" + std::string(1, static_cast<char>(c)) + "%41";
        EXPECT_EQ(uri_decode(uri_encode_path(text)), text) << c;
    }
}

}  // namespace
}  // namespace weir::lake

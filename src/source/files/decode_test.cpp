#include "source/files/decode.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <filesystem>
#include <fstream>

namespace weir::source {
namespace {

namespace fs = std::filesystem;
using declare::Encoding;
using testing::HasSubstr;

std::string gzip(std::string_view text) {
    z_stream stream{};
    deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(text.size() + text.size() / 2 + 200, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::string zstd(std::string_view text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1));
    return out;
}

class DecodeTest : public testing::Test {
protected:
    DecodeTest() { fs::create_directories(folder); }
    ~DecodeTest() override { fs::remove_all(folder); }
    std::string write(std::string_view content) {
        std::ofstream(folder / "file", std::ios::binary) << content;
        return (folder / "file").string();
    }
    // The text behind the start, read with room for `room` bytes at a time; "error: …" where it fails.
    std::string read(std::string_view content, DecodeOptions options = {}, std::size_t room = 1000) {
        before.clear();
        auto file = DecodedFile::open(write(content), options);
        if (!file) return "error: " + file.error().message;
        std::string text;
        std::string buffer(room, '\0');
        for (;;) {
            auto got = (*file)->read(buffer.data(), room);
            if (!got) return "error: " + got.error().message;
            if (*got == 0) break;
            ((*file)->before_start() ? before : text).append(buffer.data(), *got);
        }
        if (auto done = (*file)->finish(); !done) return "error: " + done.error().message;
        EXPECT_EQ((*file)->sha256(), sha256_hex(content));
        EXPECT_EQ((*file)->raw_bytes(), content.size());
        return text;
    }
    std::string before;
    fs::path folder = fs::temp_directory_path() / fmt::format("weir-decode-test-{}", ::getpid());
};

TEST_F(DecodeTest, every_wrapping_gives_the_same_text) {
    std::string text;
    for (int i = 0; i < 5000; ++i) text += fmt::format("{},zeile é€😀\n", i * 7919);
    for (const std::size_t room : {16, 17, 100, 65536}) {
        EXPECT_EQ(read(text, {}, room), text);
        EXPECT_EQ(read("\xEF\xBB\xBF" + text, {}, room), text);
        EXPECT_EQ(read(gzip(text), {}, room), text);
        EXPECT_EQ(read(gzip(text.substr(0, 100)) + gzip("") + gzip(text.substr(100)), {}, room), text);
        EXPECT_EQ(read(gzip(text) + std::string(512, '\0'), {}, room), text);
        EXPECT_EQ(read(gzip("\xEF\xBB\xBF" + text), {}, room), text);
        EXPECT_EQ(read(zstd(text), {}, room), text);
        EXPECT_EQ(read(zstd(text.substr(0, 100)) + zstd(text.substr(100)), {}, room), text);
    }
}

TEST_F(DecodeTest, encodings) {
    for (const std::size_t room : {16, 1000}) {
        EXPECT_EQ(read(std::string_view("\xFF\xFE"
                                        "a\0\xAC\x20"
                                        "\x3D\xD8\x00\xDE",
                                        10),
                       {}, room),
                  "a€😀");
        EXPECT_EQ(read(std::string_view("\xFE\xFF"
                                        "\0a\x20\xAC"
                                        "\xD8\x3D\xDE\x00",
                                        10),
                       {}, room),
                  "a€😀");
        EXPECT_EQ(read(std::string_view("a\0b\0", 4), {.encoding = Encoding::utf16le}, room), "ab");
        EXPECT_EQ(read(std::string_view("\0a\0b", 4), {.encoding = Encoding::utf16be}, room), "ab");
        EXPECT_EQ(read("\xA3 \x80 \xE9 \x93x\x94", {.encoding = Encoding::windows1252}, room), "£ € é “x”");
        // Half a pair, half a unit: not valid UTF-8, so that the record is rejected later.
        EXPECT_EQ(read(std::string_view("\x3D\xD8"
                                        "a\0",
                                        4),
                       {.encoding = Encoding::utf16le}, room),
                  "\xED\xA0\xBD"
                  "a");
        EXPECT_EQ(read(std::string_view("a\0b", 3), {.encoding = Encoding::utf16le}, room), "a\xFF");
    }
    EXPECT_EQ(read("\xA3"), "\xA3");
    EXPECT_EQ(read(""), "");
    EXPECT_EQ(read("\xEF\xBB\xBF"), "");
    EXPECT_EQ(read("a"), "a");
}

TEST_F(DecodeTest, a_broken_file_never_ends_silently) {
    std::string text;
    for (int i = 0; i < 3000; ++i) text += fmt::format("{}\n", i * 7919);
    const auto packed = gzip(text);
    for (std::size_t size = 2; size < packed.size(); size += 97)
        EXPECT_THAT(read(packed.substr(0, size)),
                    HasSubstr(fmt::format("the gzip data breaks off at byte {} of {}", size, size)));
    auto damaged = packed;
    damaged[packed.size() / 2] = static_cast<char>(damaged[packed.size() / 2] ^ 0x55);
    EXPECT_THAT(read(damaged), HasSubstr("the gzip data is damaged at byte"));
    EXPECT_THAT(read(packed + "garbage"), HasSubstr("the gzip data is damaged"));
    const auto z = zstd(text);
    for (std::size_t size = 4; size < z.size(); size += 97)
        EXPECT_THAT(read(z.substr(0, size)), HasSubstr(fmt::format("the zstd data breaks off at byte {}", size)));
    EXPECT_THAT(read(text, {.compression = declare::Compression::gzip}), HasSubstr("the gzip data is damaged"));
    EXPECT_EQ(read("", {.compression = declare::Compression::gzip}), "");
}

TEST_F(DecodeTest, text_before_the_start_is_kept_apart) {
    const std::string text = "first line\nsecond line é\nthird\n";
    for (std::size_t start = 1; start <= text.size(); ++start)
        for (const std::size_t room : {16, 1000}) {
            EXPECT_EQ(read(text, {.start_offset = start}, room), text.substr(start)) << start;
            EXPECT_EQ(before, text.substr(0, start)) << start;
        }
    const auto first = gzip("first\n");
    EXPECT_EQ(read(first + gzip("second\n"), {.start_offset = first.size()}), "second\n");
    EXPECT_EQ(before, "first\n");
    EXPECT_THAT(read(first + gzip("second\n"), {.start_offset = first.size() - 3}), HasSubstr("may be split"));
    EXPECT_THAT(read("short", {.start_offset = 10}), HasSubstr("it has 5 bytes and 10 were taken before"));
    EXPECT_EQ(read(std::string_view("a\0b\0", 4), {.encoding = Encoding::utf16le, .start_offset = 2}), "b");
}

TEST_F(DecodeTest, a_file_that_moves_while_it_is_read_is_refused) {
    const auto path = write(std::string(1000, 'x'));
    std::string buffer(500, '\0');
    auto file = DecodedFile::open(path, {});
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->read(buffer.data(), 500));
    std::ofstream(path, std::ios::app) << "more";
    ASSERT_TRUE((*file)->read(buffer.data(), 500));
    auto status = (*file)->finish();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::input_changed);
    EXPECT_THAT(status.error().message, HasSubstr("it had 1000 bytes and has 1004"));

    file = DecodedFile::open(path, {});
    ASSERT_TRUE((*file)->read(buffer.data(), 500));
    fs::resize_file(path, 600);
    for (;;) {
        auto got = (*file)->read(buffer.data(), 500);
        if (!got) {
            EXPECT_EQ(got.error().code, ErrorCode::input_changed);
            break;
        }
        ASSERT_GT(*got, 0u);
    }
}

TEST_F(DecodeTest, what_cannot_be_read_is_named) {
    auto none = DecodedFile::open((folder / "none").string(), {});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::input_unreadable);
    EXPECT_THAT(none.error().message, HasSubstr("none: No such file"));
    EXPECT_FALSE(DecodedFile::open(folder.string(), {}));
    EXPECT_EQ(*hash_prefix(write("hello world"), 5), sha256_hex("hello"));
    EXPECT_FALSE(hash_prefix(write("hello"), 6));
}

}  // namespace
}  // namespace weir::source

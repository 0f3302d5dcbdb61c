#include "serve/http/negotiate.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <array>

#include "serve/http/compress.h"
#include "serve/http/uri.h"

namespace weir::serve::http {
namespace {

TEST(MediaType, the_best_offer) {
    constexpr std::array<std::string_view, 3> offers{"application/json", "text/csv", "application/x-ndjson"};
    const struct {
        std::string_view accept;
        std::optional<std::size_t> best;
    } cases[] = {
        {"", 0},
        {"*/*", 0},
        {"text/csv", 1},
        {"TEXT/CSV; charset=utf-8", 1},
        {"text/*", 1},
        {"application/x-ndjson, application/json;q=0.5", 2},
        {"text/html,application/xhtml+xml,*/*;q=0.8", 0},
        {"application/json;q=0, */*", 1},
        {"text/csv;q=0.5, */*;q=0.1", 1},
        {"image/png", std::nullopt},
        {"application/json;q=0", std::nullopt},
        {"application/json;version=2", std::nullopt},
        {"nonsense", 0},
        {"text/csv;q=high", 0},
    };
    for (const auto& one : cases) EXPECT_EQ(best_media_type(one.accept, offers), one.best) << one.accept;
}

TEST(Encodings, the_best_one) {
    EXPECT_EQ(best_encoding(""), Encoding::identity);
    EXPECT_EQ(best_encoding("gzip"), Encoding::gzip);
    EXPECT_EQ(best_encoding("gzip, deflate, br, zstd"), Encoding::zstd);
    EXPECT_EQ(best_encoding("gzip;q=1, zstd;q=0.5"), Encoding::gzip);
    EXPECT_EQ(best_encoding("br"), Encoding::identity);
    EXPECT_EQ(best_encoding("gzip;q=0"), Encoding::identity);
    EXPECT_EQ(best_encoding("*"), Encoding::zstd);
    EXPECT_EQ(best_encoding("identity, gzip;q=0.5"), Encoding::identity);
}

TEST(Tags, are_named) {
    EXPECT_TRUE(names_tag("\"a\", \"b\"", "\"b\""));
    EXPECT_TRUE(names_tag("W/\"b\"", "\"b\""));
    EXPECT_TRUE(names_tag("*", "\"b\""));
    EXPECT_TRUE(names_tag("\"a,b\"", "\"a,b\""));
    EXPECT_FALSE(names_tag("\"a\"", "\"b\""));
    EXPECT_FALSE(names_tag("", "\"b\""));
    EXPECT_TRUE(names_tag_strongly("\"b\"", "\"b\""));
    EXPECT_FALSE(names_tag_strongly("W/\"b\"", "W/\"b\""));
}

std::string compressed(Encoding encoding, const std::string& text) {
    Compressor compressor(encoding);
    std::string out;
    for (std::size_t i = 0; i < text.size(); i += 1000)
        EXPECT_TRUE(compressor.write(std::string_view(text).substr(i, 1000), false, out));
    EXPECT_TRUE(compressor.write({}, true, out));
    return out;
}

TEST(Compress, reads_back) {
    std::string text;
    for (int i = 0; i < 30'000; ++i) text += std::to_string(i * 7919);
    std::string back(text.size() + 1, '\0');
    const auto zstd = compressed(Encoding::zstd, text);
    EXPECT_EQ(ZSTD_decompress(back.data(), back.size(), zstd.data(), zstd.size()), text.size());
    EXPECT_EQ(back.substr(0, text.size()), text);
    auto gzip = compressed(Encoding::gzip, text);
    z_stream stream{};
    ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(gzip.data());
    stream.avail_in = static_cast<uInt>(gzip.size());
    stream.next_out = reinterpret_cast<Bytef*>(back.data());
    stream.avail_out = static_cast<uInt>(back.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    EXPECT_EQ(stream.total_out, text.size());
    inflateEnd(&stream);
    EXPECT_EQ(back.substr(0, text.size()), text);
}

TEST(Uri, decoding_is_strict) {
    EXPECT_EQ(percent_decoded("a%20b+c", false), "a b+c");
    EXPECT_EQ(percent_decoded("a%20b+c", true), "a b c");
    for (const auto* bad : {"%", "%2", "%zz", "%00", "%ff"})
        EXPECT_EQ(percent_decoded(bad, false), std::nullopt) << bad;
    EXPECT_EQ(percent_encoded("a b/ü"), "a%20b%2F%C3%BC");
    const auto parameters = query_parameters("a=1&&b=x%26y&c");
    ASSERT_TRUE(parameters);
    ASSERT_EQ(parameters->size(), 3u);
    EXPECT_EQ((*parameters)[1].value, "x&y");
    EXPECT_EQ((*parameters)[2].value, "");
    EXPECT_EQ(path_segments("/views/a%2Fb"), (std::vector<std::string>{"views", "a/b"}));
    EXPECT_EQ(path_segments("/views/../x"), std::nullopt);
    EXPECT_EQ(path_segments("/views/%2e%2e/x"), std::nullopt);
}

}  // namespace
}  // namespace weir::serve::http

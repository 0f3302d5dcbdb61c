// The page that `weir up` serves: its files, and what keeps it safe.
#include <zlib.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "support/server.h"
#include "support/shop.h"

namespace weir::test {
namespace {

using nlohmann::json;
using serve::http::testing::Answer;
using testing::HasSubstr;
using testing::Not;

const std::string browser_accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

std::string unzipped(const std::string& bytes) {
    std::string out(std::size_t{4} << 20, '\0');
    z_stream stream{};
    EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<unsigned char*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    inflateEnd(&stream);
    return out;
}

class Console : public Shop {
protected:
    Console() {
        contract({});
        source("in/*.csv");
        put("in/a.csv", header + "1,anna,1.5\n2,bo,\n");
        view("sums", "SELECT name, count(*) AS n FROM t GROUP BY name");
    }
    static std::set<std::string> assets_in(const std::string& page) {
        const std::regex asset("/assets/[A-Za-z0-9._-]+");
        return {std::sregex_token_iterator(page.begin(), page.end(), asset), std::sregex_token_iterator()};
    }
};

TEST_F(Console, browsers_get_the_page_and_programs_the_paths) {
    run_ok();
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto page = server.get("/", {{"Accept", browser_accept}});
    EXPECT_EQ(page.status, 200);
    EXPECT_THAT(page.field("content-type"), HasSubstr("text/html"));
    EXPECT_THAT(page.body, HasSubstr("<title>weir</title>"));
    EXPECT_THAT(page.field("vary"), HasSubstr("Accept"));
    EXPECT_EQ(page.field("cache-control"), "no-cache");
    EXPECT_EQ(json::parse(server.get("/").body).at("views"), "/views");
    EXPECT_EQ(json::parse(server.get("/", {{"Accept", "*/*"}}).body).at("views"), "/views");
    const auto again = server.get("/", {{"Accept", browser_accept}, {"If-None-Match", page.field("etag")}});
    EXPECT_EQ(again.status, 304);
    EXPECT_TRUE(again.body.empty());
    const auto head = serve::http::testing::request(server.port(), "HEAD", "/", {{"Accept", browser_accept}});
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.field("etag"), page.field("etag"));
    EXPECT_EQ(serve::http::testing::request(server.port(), "POST", "/", {}).status, 405);
}

TEST_F(Console, its_files_are_kept_by_browsers_and_packed) {
    run_ok();
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto assets = assets_in(server.get("/", {{"Accept", browser_accept}}).body);
    EXPECT_GE(assets.size(), 3u);
    for (const auto& asset : assets) {
        const auto plain = server.get(asset);
        ASSERT_EQ(plain.status, 200) << asset;
        EXPECT_EQ(plain.field("cache-control"), "public, max-age=31536000, immutable");
        EXPECT_EQ(plain.field("x-content-type-options"), "nosniff");
        const auto packed = server.get(asset, {{"Accept-Encoding", "gzip, deflate, br, zstd"}});
        EXPECT_EQ(packed.field("content-encoding"), "gzip");
        EXPECT_NE(packed.field("etag"), plain.field("etag"));
        EXPECT_EQ(unzipped(packed.body), plain.body);
        EXPECT_EQ(server.get(asset, {{"If-None-Match", plain.field("etag")}}).status, 304);
        // Nothing is fetched from elsewhere.
        EXPECT_THAT(plain.body, Not(HasSubstr("url(http"))) << asset;
        EXPECT_THAT(plain.body, Not(HasSubstr("@import"))) << asset;
    }
    for (const std::string missing : {"/assets/other.js", "/assets/../assets/x", "/assets/%2e%2e%2fetc", "/assets/"}) {
        const auto answer = server.get(missing);
        EXPECT_EQ(answer.status, 404) << missing;
        EXPECT_EQ(answer.field("content-type"), "application/problem+json") << missing;
    }
}

TEST_F(Console, nothing_but_its_own_files_may_run) {
    run_ok();
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto page = server.get("/", {{"Accept", browser_accept}});
    const auto policy = page.field("content-security-policy");
    EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
    EXPECT_THAT(policy, HasSubstr("script-src 'self'"));
    EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
    EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
    EXPECT_EQ(page.field("x-content-type-options"), "nosniff");
    EXPECT_EQ(page.field("referrer-policy"), "no-referrer");
    // Every script comes from a file, and no style stands in the page.
    EXPECT_FALSE(std::regex_search(page.body, std::regex("<script(?![^>]*src=)")));
    EXPECT_FALSE(std::regex_search(page.body, std::regex("<style|style=|onload=|onclick=")));
    EXPECT_EQ(server.get("/views").field("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
}

}  // namespace
}  // namespace weir::test

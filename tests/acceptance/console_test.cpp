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

TEST_F(Console, the_pipeline_is_told_in_one_document) {
    put("in/b.csv", header + "3,cleo,1\nx,dora,2\n3,cleo,1\n");
    run_ok();
    ASSERT_EQ(weir_with({"verify", "--live"}).exit_code, 0);
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto answer = server.get("/status");
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.field("cache-control"), "no-store");
    const auto status = json::parse(answer.body);
    EXPECT_EQ(status.at("publication"), 1);
    EXPECT_EQ(status.at("views"), 1);
    EXPECT_EQ(status.at("verdict").at("equal"), 1);
    EXPECT_EQ(status.at("verdict").at("differs"), 0);
    ASSERT_EQ(status.at("sources").size(), 1u);
    const auto& source = status.at("sources")[0];
    // Where it lies on this machine is nobody's business.
    EXPECT_EQ(source.at("from"), "in/*.csv");
    EXPECT_THAT(answer.body, Not(HasSubstr(project.string())));
    const auto& rows = source.at("rows");
    EXPECT_EQ(rows.at("read"), 5);
    EXPECT_EQ(rows.at("quarantined"), 1);
    EXPECT_EQ(rows.at("mismatch"), 0);
    EXPECT_EQ(status.at("tables")[0].at("rows"), rows.at("accepted"));
    serve::http::testing::Client stream(server.port());
    stream.send("GET /status/stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(stream.read_until("\"mismatch\":0"), HasSubstr("event: status\ndata: {"));
    EXPECT_EQ(server.get("/status/stream", {{"Accept", "application/json"}}).status, 406);
}

TEST_F(Console, system_tables_are_read_like_views) {
    put("in/b.csv", header + "x,dora,2\ny,ella,3\nz,\xff\xfe,3\n");
    run_ok();
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto rows_of = [&](const std::string& target) {
        const auto answer = server.get(target);
        EXPECT_EQ(answer.status, 200) << target << answer.body;
        return json::parse(answer.body).at("data");
    };
    const auto tables = json::parse(server.get("/system").body).at("tables");
    EXPECT_EQ(tables.size(), 11u);
    for (const auto& table : tables)
        EXPECT_EQ(server.get(table.at("url").get<std::string>()).status, 200) << table.at("name");
    const auto refused = rows_of("/system/quarantine?select=rule,line,raw&order=line&state=pending");
    ASSERT_EQ(refused.size(), 3u);
    const auto in_sql = json::parse(
        weir_with({"sql", "select rule, line, raw from weir.quarantine order by line", "--format", "json"}).out);
    EXPECT_EQ(refused, in_sql);
    EXPECT_EQ(rows_of("/system/accounting?source=t").size(), 1u);
    EXPECT_EQ(rows_of("/system/runs?node=sums&state=done").size(), 1u);
    EXPECT_EQ(rows_of("/system/tables?name=t")[0].at("rows"), 2);
    EXPECT_EQ(rows_of("/system/verdicts").size(), 0u);
    // Pages of one snapshot, like those of views; a cursor of one is none of the other.
    const auto page = json::parse(server.get("/system/quarantine?limit=2").body);
    ASSERT_TRUE(page.at("next").is_string());
    const auto next = page.at("next").get<std::string>();
    EXPECT_TRUE(next.starts_with("/system/quarantine?")) << next;
    EXPECT_EQ(rows_of(next).size(), 1u);
    EXPECT_EQ(server.get("/views/sums?" + next.substr(next.find("cursor="))).status, 400);
    EXPECT_EQ(server.get("/system/quarantene").status, 404);
    EXPECT_THAT(server.get("/system/quarantene").body, HasSubstr("did you mean 'quarantine'"));
    EXPECT_EQ(server.get("/system/runs?as_of=2024-01-01").status, 422);
    EXPECT_EQ(server.get("/system/quarantine?rulle=x").status, 400);
}

TEST_F(Console, who_may_read_a_view_may_not_read_the_system) {
    put("one.secret", std::string(40, 's'));
    put("serve.yaml",
        "access:\n  tokens:\n  - {id: one, algorithm: HS256, secret: \"${file:one.secret}\"}\n"
        "  rows:\n  - {views: \"*\", claim: sub, column: name}\n");
    run_ok();
    UpServer server(project);
    ASSERT_NE(server.port(), 0) << server.err();
    const auto bearer = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"token", "create"});
        const auto done = weir_with(words);
        EXPECT_EQ(done.exit_code, 0) << done.err;
        return std::map<std::string, std::string>{
            {"Authorization", "Bearer " + done.out.substr(0, done.out.size() - 1)}};
    };
    // The page and its files need nothing: they say nothing.
    EXPECT_EQ(server.get("/", {{"Accept", browser_accept}}).status, 200);
    for (const std::string path : {"/status", "/status/stream", "/system", "/system/quarantine"})
        EXPECT_EQ(server.get(path).status, 401) << path;
    const auto views = bearer({"--scope", "view:*"});
    for (const std::string path : {"/status", "/status/stream", "/system/quarantine"}) {
        const auto answer = server.get(path, views);
        EXPECT_EQ(answer.status, 403) << path;
        EXPECT_THAT(answer.field("www-authenticate"), HasSubstr("scope=\"system:")) << path;
    }
    EXPECT_EQ(json::parse(server.get("/system", views).body).at("tables").size(), 0u);
    const auto runs = bearer({"--scope", "system:runs"});
    EXPECT_EQ(server.get("/system/runs", runs).status, 200);
    EXPECT_EQ(server.get("/system/quarantine", runs).status, 403);
    EXPECT_EQ(server.get("/views/sums", runs).status, 403);
    const auto all = bearer({"--scope", "system:*"});
    EXPECT_EQ(server.get("/status", all).status, 200);
    // Rules for the rows of views leave system tables alone.
    EXPECT_EQ(json::parse(server.get("/system/accounting", all).body).at("data").size(), 1u);
}

}  // namespace
}  // namespace weir::test

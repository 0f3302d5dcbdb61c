#include "serve/http/request.h"

#include <gtest/gtest.h>

namespace weir::serve::http {
namespace {

struct Parsed {
    Progress progress;
    Head head;
    std::size_t used = 0;
    Refusal refusal;
    std::string bytes;  // the head points into it
};

std::unique_ptr<Parsed> parse(const std::string& text, const HeadLimits& limits = {}) {
    auto parsed = std::make_unique<Parsed>();
    parsed->bytes = text;
    std::size_t seen = 0;
    parsed->progress = parse_head(parsed->bytes.data(), parsed->bytes.size(), limits, seen, parsed->head, parsed->used,
                                  parsed->refusal);
    return parsed;
}

const std::string host = "Host: a\r\n";

TEST(Request, a_head_is_taken_apart) {
    const auto p =
        parse("GET /views/a%20b?x=1&y HTTP/1.1\r\nHost: localhost:80\r\nAccept:  text/csv \r\nACCEPT: */*\r\n\r\nrest");
    ASSERT_EQ(p->progress, Progress::done) << p->refusal.detail;
    EXPECT_EQ(p->head.method, Method::get);
    EXPECT_EQ(p->head.path, "/views/a%20b");
    EXPECT_EQ(p->head.query, "x=1&y");
    EXPECT_EQ(p->head.host, "localhost:80");
    EXPECT_EQ(p->head.joined("accept"), "text/csv, */*");
    EXPECT_TRUE(p->head.keep_alive);
    EXPECT_FALSE(p->head.has_body());
    EXPECT_EQ(p->bytes.substr(p->used), "rest");
}

TEST(Request, framing) {
    auto p = parse("POST / HTTP/1.1\r\n" + host + "Content-Length: 12\r\n\r\n");
    ASSERT_EQ(p->progress, Progress::done);
    EXPECT_EQ(p->head.content_length, 12u);
    p = parse("POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: Chunked\r\nExpect: 100-continue\r\n\r\n");
    ASSERT_EQ(p->progress, Progress::done);
    EXPECT_TRUE(p->head.chunked);
    EXPECT_TRUE(p->head.expects_continue);
    EXPECT_FALSE(parse("GET / HTTP/1.1\r\n" + host + "Connection: x, Close\r\n\r\n")->head.keep_alive);
    EXPECT_FALSE(parse("GET / HTTP/1.0\r\n\r\n")->head.keep_alive);
    EXPECT_TRUE(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")->head.keep_alive);
    EXPECT_EQ(parse("GET http://a:1/b?c HTTP/1.1\r\n" + host + "\r\n")->head.path, "/b");
    EXPECT_EQ(parse("\r\nGET / HTTP/1.1\r\n" + host + "\r\n")->progress, Progress::done);
}

TEST(Request, what_could_be_read_in_two_ways_is_refused) {
    const struct {
        std::string text;
        int status;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", 400},                                                                  // no Host
        {"GET / HTTP/1.1\r\n" + host + host + "\r\n", 400},                                               // two
        {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},                                                     // no host
        {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},  // both
        {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},           // differ
        {"POST / HTTP/1.1\r\n" + host + "Content-Length: +1\r\n\r\n", 400},                               // no number
        {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1, 1\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" + host + "Content-Length:\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
        {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, gzip\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" + host + "A: b\r\n c\r\n\r\n", 400},  // folded
        {"GET / HTTP/1.1\r\n" + host + "A : b\r\n\r\n", 400},       // a blank before the colon
        {"GET / HTTP/1.1\r\n" + host + "A: b\rc\r\n\r\n", 400},     // a bare CR
        {"GET / HTTP/1.1\r\n" + host + std::string("A: b\0c\r\n\r\n", 10), 400},
        {"GET / HTTP/1.1\r\n" + host + ": b\r\n\r\n", 400},
        {"GET /a b HTTP/1.1\r\n" + host + "\r\n", 400},
        {"GET views HTTP/1.1\r\n" + host + "\r\n", 400},
        {"GET / HTTP/2.0\r\n" + host + "\r\n", 505},
        {"GET / http/1.1\r\n" + host + "\r\n", 400},
        {"G{T / HTTP/1.1\r\n" + host + "\r\n", 400},
        {"GET / HTTP/1.1\r\n" + host + "Expect: tea\r\n\r\n", 417},
        {"\r\n\r\n", 400},
    };
    for (const auto& one : cases) {
        const auto p = parse(one.text);
        EXPECT_EQ(p->progress, Progress::refused) << one.text;
        EXPECT_EQ(p->refusal.status, one.status) << one.text;
    }
}

TEST(Request, limits) {
    const HeadLimits limits{.line = 100, .bytes = 300, .fields = 3};
    EXPECT_EQ(parse("GET /" + std::string(200, 'a'), limits)->refusal.status, 414);
    EXPECT_EQ(parse("GET /" + std::string(200, 'a') + " HTTP/1.1\r\n" + host + "\r\n", limits)->refusal.status, 414);
    EXPECT_EQ(parse("GET / HTTP/1.1\r\n" + host + "A: " + std::string(400, 'a'), limits)->refusal.status, 431);
    EXPECT_EQ(parse("GET / HTTP/1.1\r\n" + host + "A: 1\r\nB: 1\r\nC: 1\r\n\r\n", limits)->refusal.status, 431);
}

TEST(Request, any_cut_gives_the_same_head) {
    const std::string text = "GET /a HTTP/1.1\r\n" + host + "X: y\r\n\r\n";
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
        std::string bytes = text;
        std::size_t seen = 0, used = 0;
        Head head;
        Refusal refusal;
        EXPECT_EQ(parse_head(bytes.data(), cut, {}, seen, head, used, refusal), Progress::more) << cut;
        ASSERT_EQ(parse_head(bytes.data(), bytes.size(), {}, seen, head, used, refusal), Progress::done) << cut;
        EXPECT_EQ(used, text.size());
        EXPECT_EQ(head.field("x"), "y");
    }
}

TEST(Chunks, any_cut_gives_the_same_body) {
    const std::string text = "5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\nrest";
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
        Chunked chunked;
        std::string body;
        std::size_t used = 0, total = 0;
        Refusal refusal;
        auto progress = chunked.feed(std::string_view(text).substr(0, cut), 100, body, used, refusal);
        total += used;
        if (progress == Progress::more) {
            progress = chunked.feed(std::string_view(text).substr(total), 100, body, used, refusal);
            total += used;
        }
        ASSERT_EQ(progress, Progress::done) << cut;
        EXPECT_EQ(body, "hello world");
        EXPECT_EQ(text.substr(total), "rest");
    }
}

TEST(Chunks, malformed_and_large_ones_are_refused) {
    const struct {
        std::string text;
        int status;
    } cases[] = {{"x\r\n", 400},    {"\r\n", 400},
                 {"1\r\nab", 400},  {"1\na", 400},
                 {"0\r\nA\n", 400}, {"ffffffffffffffff\r\n", 400},
                 {"65\r\n", 413},   {"3\r\nabc\r\n62\r\n", 413}};
    for (const auto& one : cases) {
        Chunked chunked;
        std::string body;
        std::size_t used = 0;
        Refusal refusal;
        EXPECT_EQ(chunked.feed(one.text, 100, body, used, refusal), Progress::refused) << one.text;
        EXPECT_EQ(refusal.status, one.status) << one.text;
    }
}

}  // namespace
}  // namespace weir::serve::http

// The server over real sockets: framing, pipelining, limits, slow clients, drain.
#include "serve/http/server.h"

#include <gtest/gtest.h>

#include <thread>

#include "serve/http/testing.h"

namespace weir::serve::http {
namespace {

using std::chrono::milliseconds;
using testing::Client;
using testing::get;
using testing::request;

// Echoes; /slow works on a thread, /file answers from disk, /events streams, /stand-still holds up the loop.
class Echo final : public Service {
public:
    Admission admit(Exchange& exchange) override {
        Admission admission{.body_max = 1000};
        if (exchange.head.path == "/no") admission.answer = Response{.status = 403};
        return admission;
    }
    std::optional<Response> answer(Exchange& exchange) override {
        if (exchange.head.path == "/slow" || exchange.head.path == "/file") return std::nullopt;
        if (exchange.head.path == "/stand-still") std::this_thread::sleep_for(milliseconds(1000));
        Response response;
        if (exchange.head.path == "/events") {
            response.events = events;
            return response;
        }
        response.body = std::string(exchange.head.path) + " " + exchange.body;
        return response;
    }
    Response work(Exchange& exchange) override {
        Response response;
        if (exchange.head.path == "/file") {
            char name[] = "/tmp/weir-server-test-XXXXXX";
            FileHandle file(::mkstemp(name));
            ::unlink(name);
            const std::string bytes(1'000'000, 'x');
            EXPECT_EQ(::write(file.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
            auto body = std::make_shared<BodyFile>();
            body->file = std::move(file);
            body->size = bytes.size();
            response.file = std::move(body);
            return response;
        }
        std::this_thread::sleep_for(milliseconds(200));
        response.body = "slow " + std::string(exchange.head.query);
        return response;
    }
    Response busy(Exchange&) override { return {.status = 503}; }
    Response refuse(const Refusal& refusal) override { return {.status = refusal.status, .body = refusal.detail}; }
    void finished(const Exchange*, const Peer&, int, std::uint64_t) override { ++count; }
    void tick() override {}
    std::atomic<int> count{0};
    std::shared_ptr<EventQueue> events = std::make_shared<EventQueue>(1000);
};

class HttpServer : public ::testing::Test {
protected:
    Echo echo;
    std::unique_ptr<Server> server;
    std::uint16_t start(ServerOptions options = {}) {
        auto started = Server::start(std::move(options), echo);
        EXPECT_TRUE(started) << to_string(started.error());
        server = std::move(*started);
        return server->port();
    }
};

TEST_F(HttpServer, keep_alive_and_pipelining_keep_the_order) {
    Client client(start({.workers = 2}));
    std::string many;
    for (int i = 0; i < 50; ++i) many += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
    many +=
        "GET /slow?1 HTTP/1.1\r\nHost: a\r\n\r\nGET /slow?2 HTTP/1.1\r\nHost: a\r\n\r\nGET /last HTTP/1.1\r\nHost: "
        "a\r\nConnection: close\r\n\r\n";
    ASSERT_TRUE(client.send(many));
    for (int i = 0; i < 50; ++i) EXPECT_EQ(client.read().body, "/" + std::to_string(i) + " ");
    EXPECT_EQ(client.read().body, "slow 1");
    EXPECT_EQ(client.read().body, "slow 2");
    const auto last = client.read();
    EXPECT_EQ(last.body, "/last ");
    EXPECT_EQ(last.field("connection"), "close");
    EXPECT_TRUE(client.closed(milliseconds(60'000)));
    EXPECT_EQ(echo.count, 53);
}

TEST_F(HttpServer, bodies_are_bounded_all_together) {
    const auto port = start({.bodies_bytes_max = 2500});
    const std::string head = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";
    Client first(port), second(port), third(port);
    for (auto* client : {&first, &second}) client->send(head + std::string(999, 'x'));
    std::this_thread::sleep_for(milliseconds(500));
    third.send(head + std::string(999, 'x'));
    EXPECT_EQ(third.read().status, 503);
    first.send("x");
    EXPECT_EQ(first.read().status, 200);
    Client fourth(port);
    fourth.send(head + std::string(1000, 'x'));
    EXPECT_EQ(fourth.read().status, 200) << "the first made room";
}

TEST_F(HttpServer, those_idle_longest_make_room) {
    const auto port = start({.connections_max = 8});
    std::vector<std::unique_ptr<Client>> idle;
    for (int i = 0; i < 8; ++i) {
        idle.push_back(std::make_unique<Client>(port));
        idle.back()->send("GET /idle HTTP/1.1\r\nHost: a\r\n\r\n");
        EXPECT_EQ(idle.back()->read().status, 200);
    }
    EXPECT_EQ(get(port, "/new").status, 200);
    EXPECT_TRUE(idle.front()->closed(milliseconds(60'000)));
    idle.back()->send("GET /still HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(idle.back()->read().status, 200);
}

TEST_F(HttpServer, bodies_in_any_pieces) {
    const auto port = start();
    const std::string whole =
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloPOST /b HTTP/1.1\r\nHost: "
        "a\r\nTransfer-Encoding: "
        "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n";
    for (std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{60}, whole.size()}) {
        Client client(port);
        for (std::size_t i = 0; i < whole.size(); i += step) {
            ASSERT_TRUE(client.send(std::string_view(whole).substr(i, step)));
            if (step < 10) std::this_thread::sleep_for(std::chrono::microseconds(300));
        }
        EXPECT_EQ(client.read().body, "/a hello") << step;
        EXPECT_EQ(client.read().body, "/b hello") << step;
        EXPECT_EQ(client.read().body, "/c ") << step;
    }
}

TEST_F(HttpServer, expect_continue_is_answered_after_admission) {
    const auto port = start();
    Client client(port);
    client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hi");
    EXPECT_EQ(client.read().body, "/a hi");
    Client refused(port);
    refused.send("POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(refused.read().status, 403);
    EXPECT_TRUE(refused.closed(milliseconds(60'000)));
}

TEST_F(HttpServer, what_is_too_large_or_malformed_is_refused_and_closed) {
    const auto port = start();
    const std::pair<std::string, int> cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", 413},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3ea\r\n", 413},
        {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
        {"GET / HTTP/1.1\r\nHost: a\r\nA: " + std::string(40'000, 'a') + "\r\n\r\n", 431},
    };
    for (const auto& [text, status] : cases) {
        Client client(port);
        client.send(text + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
        EXPECT_EQ(client.read().status, status);
        client.end_sending();
        EXPECT_TRUE(client.closed(milliseconds(60'000)));
    }
    EXPECT_EQ(get(port, "/still").body, "/still ");
}

TEST_F(HttpServer, slow_clients_are_cut_off_and_idle_ones_closed) {
    const auto port = start({.header_timeout = milliseconds(400), .idle_timeout = milliseconds(700)});
    Client slow(port), slow_body(port), idle(port);
    slow.send("GET / HTTP/1.1\r\nHo");
    slow_body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nab");
    // A byte now and then does not help.
    std::thread drip([&] {
        for (int i = 0; i < 10; ++i) {
            std::this_thread::sleep_for(milliseconds(100));
            slow.send("s");
        }
    });
    EXPECT_EQ(slow.read().status, 408);
    EXPECT_EQ(slow_body.read().status, 408);
    drip.join();
    EXPECT_TRUE(idle.closed(milliseconds(60'000)));
}

TEST_F(HttpServer, nobody_is_cut_off_for_the_time_in_which_the_server_stood_still) {
    const auto port = start({.header_timeout = milliseconds(600)});
    const auto asked_across = [&] {
        Client holding(port), other(port);
        other.send("GET /other HTTP/1.1\r\nHo");
        holding.send("GET /stand-still HTTP/1.1\r\nHost: a\r\n\r\n");
        EXPECT_EQ(holding.read().status, 200);
        std::this_thread::sleep_for(milliseconds(20));
        other.send("st: a\r\n\r\n");
        return other.read().status;
    };
    // This test may be held up for longer, too.
    int status = 0;
    for (int tries = 0; tries < 10 && status != 200; ++tries) status = asked_across();
    EXPECT_EQ(status, 200);
}

TEST_F(HttpServer, large_answers_come_from_disk_and_head_has_no_body) {
    const auto port = start();
    const auto answer = get(port, "/file");
    EXPECT_EQ(answer.body.size(), 1'000'000u);
    const auto head = request(port, "HEAD", "/file");
    EXPECT_EQ(head.field("content-length"), "1000000");
    EXPECT_EQ(head.body, "");
    Client old(port);
    old.send("GET /a HTTP/1.0\r\n\r\n");
    EXPECT_EQ(old.read().field("connection"), "close");
}

TEST_F(HttpServer, too_much_work_is_refused) {
    const auto port = start({.workers = 1, .waiting_max = 1});
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 8; ++i) {
        clients.push_back(std::make_unique<Client>(port));
        clients.back()->send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    int good = 0, busy = 0;
    for (auto& client : clients) (client->read().status == 200 ? good : busy) += 1;
    EXPECT_GE(good, 1);
    EXPECT_GE(busy, 1);
    EXPECT_EQ(good + busy, 8);
}

TEST_F(HttpServer, drain_lets_requests_end_and_closes_idle_connections) {
    const auto port = start();
    Client busy(port), idle(port);
    busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    std::this_thread::sleep_for(milliseconds(50));
    bool drained = false;
    std::thread drain([&] { drained = server->drain(milliseconds(5000)); });
    const auto answer = busy.read();
    EXPECT_EQ(answer.body, "slow ");
    EXPECT_EQ(answer.field("connection"), "close");
    busy.end_sending();
    EXPECT_TRUE(idle.closed(milliseconds(60'000)));
    drain.join();
    EXPECT_TRUE(drained);
    EXPECT_FALSE(Client(port).connected());
}

TEST_F(HttpServer, events_are_streamed_until_their_end) {
    const auto port = start();
    Client client(port);
    client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_NE(client.read_until("\r\n\r\n").find("Transfer-Encoding: chunked"), std::string::npos);
    echo.events->push("data: 1\n\n");
    EXPECT_EQ(client.read_until("\n\n"), "9\r\ndata: 1\n\n\r\n");
    echo.events->close();
    EXPECT_EQ(client.read_until("0\r\n\r\n"), "0\r\n\r\n");
}

TEST_F(HttpServer, many_idle_connections_and_abrupt_ends_disturb_nobody) {
    const auto port = start();
    {
        std::vector<std::unique_ptr<Client>> idle;
        for (int i = 0; i < 400; ++i) {
            idle.push_back(std::make_unique<Client>(port));
            if (i % 3 == 0) idle.back()->send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
            if (i % 3 == 1) idle.back()->send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
        }
        EXPECT_EQ(get(port, "/x").body, "/x ");
    }
    EXPECT_EQ(get(port, "/y").body, "/y ");
}

TEST_F(HttpServer, a_taken_port_is_told) {
    const auto port = start();
    const auto second = Server::start({.listen = "127.0.0.1:" + std::to_string(port)}, echo);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("127.0.0.1"), std::string::npos);
    for (const auto* bad : {"", "8080", "a:b", "::1:80", "300.1.1.1:80", "127.0.0.1:70000"})
        EXPECT_FALSE(parse_listen(bad)) << bad;
    EXPECT_TRUE(parse_listen("[::1]:80")->loopback);
    EXPECT_FALSE(parse_listen("0.0.0.0:80")->loopback);
}

}  // namespace
}  // namespace weir::serve::http

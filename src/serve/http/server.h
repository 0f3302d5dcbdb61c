// HTTP/1.1 over TCP or TLS: event loops that never wait, keep-alive and pipelining, and an end for whoever is slow.
//
//   idle ──bytes──► head ──► body ──► answer or work ──► write ──► idle
//     │ idle_timeout  │ header_timeout   │                 │ no progress
//     ▼               ▼                  ▼ 503             ▼
//   closed           408               when busy          closed
//
// Where there are as many connections as may be, those that were idle longest make room for new ones.
//
// A client that is refused gets its answer, and what it still sends is read and dropped for a moment, so that the
// answer is not lost in a reset.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "serve/http/exchange.h"

namespace weir::serve::http {

struct ServerOptions {
    std::string listen = "127.0.0.1:0";  // "[::1]:8080"; port 0: any that is free
    int loops = 1;
    int workers = 1;
    std::size_t waiting_max = 256;
    HeadLimits head;
    std::chrono::milliseconds header_timeout{10'000};
    std::chrono::milliseconds idle_timeout{60'000};
    std::size_t connections_max = 20'000;
    std::size_t connections_per_address_max = 0;  // 0: no limit
    // Of the bodies that are being received or worked on, all together; beyond that a request is refused with 503.
    std::size_t bodies_bytes_max = std::size_t{256} << 20;
    std::string certificate;  // PEM file; empty: no TLS
    std::string key;          // PEM text
};

struct ListenAddress {
    std::string host;
    std::uint16_t port = 0;
    bool loopback = false;
};
// "127.0.0.1:8080", "[::]:80", "localhost:8080".
Result<ListenAddress> parse_listen(const std::string& text);

class Server {
public:
    // Listens from here on. The service must outlive the server.
    static Result<std::unique_ptr<Server>> start(ServerOptions options, Service& service);
    // Closes everything at once.
    ~Server();
    Server(const Server&) = delete;

    // For connections from now on: a PEM file and a PEM text. What cannot be used changes nothing.
    Status use_certificate(const std::string& certificate, const std::string& key);

    std::uint16_t port() const;
    std::size_t connections() const;
    std::size_t waiting() const;
    // Takes no more connections, lets requests under way end, closes idle ones; false where some were still there after
    // `at_most`.
    bool drain(std::chrono::milliseconds at_most);

    struct Impl;

private:
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace weir::serve::http

// Somebody who takes POSTs at 127.0.0.1, on a free port, and remembers them.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace weir::test {

class Receiver {
public:
    struct Request {
        std::string head, body;
        int answered = 0;
    };

    Receiver() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        ::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address);
        ::listen(fd_, 16);
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { run(); });
    }
    ~Receiver() {
        stopping_ = true;
        thread_.join();
        ::close(fd_);
    }
    Receiver(const Receiver&) = delete;

    std::uint16_t port() const { return port_; }
    // The next `count` connections are given to it, which answers as it likes; they are closed behind it.
    void behave(std::function<void(int)> as, int count) {
        const std::lock_guard lock(mutex_);
        behave_ = std::move(as);
        odd_ = count;
    }
    bool stopping() const { return stopping_; }
    // The next `count` requests are answered so; later ones 204.
    void answer(int status, int count) {
        const std::lock_guard lock(mutex_);
        status_ = status;
        left_ = count;
    }
    std::vector<Request> requests() const {
        const std::lock_guard lock(mutex_);
        return requests_;
    }
    // Waits until there are so many; what there is then.
    std::vector<Request> wait_for(std::size_t count) const {
        for (int look = 0; look < 2000 && requests().size() < count; ++look)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return requests();
    }

private:
    void run() {
        while (!stopping_) {
            pollfd one{.fd = fd_, .events = POLLIN, .revents = 0};
            if (::poll(&one, 1, 20) <= 0) continue;
            const int peer = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
            if (peer < 0) continue;
            const auto odd = behaviour();
            if (odd) {
                odd(peer);
            } else {
                take(peer);
            }
            ::close(peer);
        }
    }

    std::function<void(int)> behaviour() {
        const std::lock_guard lock(mutex_);
        if (odd_ == 0) return nullptr;
        --odd_;
        return behave_;
    }

    void take(int peer) {
        std::string bytes;
        char buffer[4096];
        std::size_t body_begin = std::string::npos, length = 0;
        while (body_begin == std::string::npos || bytes.size() < body_begin + length) {
            const auto count = ::recv(peer, buffer, sizeof buffer, 0);
            if (count <= 0) return;
            bytes.append(buffer, static_cast<std::size_t>(count));
            const auto end = bytes.find("\r\n\r\n");
            if (end == std::string::npos || body_begin != std::string::npos) continue;
            body_begin = end + 4;
            const auto at = bytes.find("Content-Length: ");
            length = at == std::string::npos ? 0 : std::stoul(bytes.substr(at + 16));
        }
        int status = 204;
        {
            const std::lock_guard lock(mutex_);
            if (left_ > 0) {
                --left_;
                status = status_;
            }
            requests_.push_back({bytes.substr(0, body_begin), bytes.substr(body_begin), status});
        }
        const auto answer = "HTTP/1.1 " + std::to_string(status) + " x\r\nContent-Length: 0\r\n\r\n";
        static_cast<void>(::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL));
    }

    const int fd_;
    std::uint16_t port_ = 0;
    std::atomic<bool> stopping_ = false;
    mutable std::mutex mutex_;
    std::vector<Request> requests_;
    int status_ = 204, left_ = 0, odd_ = 0;
    std::function<void(int)> behave_;
    std::thread thread_;
};

}  // namespace weir::test

// A small HTTP client for tests, over a plain socket: sends any bytes, reads what comes.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace weir::serve::http::testing {

struct Answer {
    int status = 0;                             // 0: the connection ended without one
    std::map<std::string, std::string> fields;  // names in lower case
    std::string body;
    std::string field(const std::string& name) const {
        const auto found = fields.find(name);
        return found == fields.end() ? "" : found->second;
    }
};

class Client {
public:
    explicit Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    }
    ~Client() { ::close(fd_); }
    Client(const Client&) = delete;

    bool connected() const { return connected_; }
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (count <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
        return true;
    }
    // The next answer; `has_body` false after HEAD.
    Answer read(bool has_body = true) {
        Answer answer;
        std::size_t end = 0;
        while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
            if (!more()) return {};
        const auto head = buffer_.substr(0, end + 2);
        buffer_.erase(0, end + 4);
        answer.status = std::stoi(head.substr(9, 3));
        for (auto at = head.find("\r\n") + 2; at < head.size();) {
            const auto line_end = head.find("\r\n", at);
            const auto line = head.substr(at, line_end - at);
            const auto colon = line.find(": ");
            auto name = line.substr(0, colon);
            std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
            answer.fields[name] = line.substr(colon + 2);
            at = line_end + 2;
        }
        if (answer.status == 100) return read(has_body);
        if (!has_body || answer.status == 304 || answer.status == 204) return answer;
        const auto length = answer.fields.find("content-length");
        if (length == answer.fields.end()) return answer;
        const auto count = std::stoull(length->second);
        while (buffer_.size() < count)
            if (!more()) break;
        answer.body = buffer_.substr(0, count);
        buffer_.erase(0, count);
        return answer;
    }
    // What came and was not read as an answer, waiting for more until `text` is in it.
    std::string read_until(const std::string& text) {
        while (buffer_.find(text) == std::string::npos)
            if (!more()) break;
        return std::exchange(buffer_, std::string());
    }
    // Whether the other side closed, within the time.
    bool closed(std::chrono::milliseconds at_most) {
        const auto until = std::chrono::steady_clock::now() + at_most;
        while (std::chrono::steady_clock::now() < until) {
            pollfd wait{fd_, POLLIN, 0};
            if (::poll(&wait, 1, 20) <= 0) continue;
            char bytes[4096];
            if (::recv(fd_, bytes, sizeof bytes, MSG_DONTWAIT) <= 0) return true;
        }
        return false;
    }
    void end_sending() { ::shutdown(fd_, SHUT_WR); }

private:
    int fd_;
    bool connected_ = false;
    std::string buffer_;
    bool more() {
        pollfd wait{fd_, POLLIN, 0};
        if (::poll(&wait, 1, 20'000) <= 0) return false;
        char bytes[64 * 1024];
        const auto count = ::recv(fd_, bytes, sizeof bytes, 0);
        if (count <= 0) return false;
        buffer_.append(bytes, static_cast<std::size_t>(count));
        return true;
    }
};

inline Answer request(std::uint16_t port, const std::string& method, const std::string& target,
                      const std::map<std::string, std::string>& fields = {}, const std::string& body = {}) {
    Client client(port);
    std::string text = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    for (const auto& [name, value] : fields) {
        text += name;
        text += ": ";
        text += value;
        text += "\r\n";
    }
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    client.send(text + "\r\n" + body);
    return client.read(method != "HEAD");
}

inline Answer get(std::uint16_t port, const std::string& target,
                  const std::map<std::string, std::string>& fields = {}) {
    return request(port, "GET", target, fields);
}

}  // namespace weir::serve::http::testing

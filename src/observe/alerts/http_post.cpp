#include "observe/alerts/http_post.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

namespace weir::observe {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Only its first line counts.
constexpr std::size_t answer_bytes_max = 16 * 1024;
constexpr auto slice = milliseconds(100);

Error failed(std::string what) { return {.code = ErrorCode::io_failed, .message = std::move(what)}; }

bool is_ip(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> parsed{};
    return ::inet_pton(AF_INET, host.c_str(), parsed.data()) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), parsed.data()) == 1;
}

class Exchange {
public:
    Exchange(const HttpPost& request, const std::function<bool()>& give_up)
        : request_(request), give_up_(give_up), deadline_(steady_clock::now() + request.timeout) {}

    Result<int> run() {
        ERR_clear_error();
        WEIR_TRY(open());
        WEIR_TRY(until_done("connecting", [this] { return BIO_do_connect(bio_.get()); }));
        WEIR_TRY(send());
        return read_status();
    }

private:
    struct FreeContext {
        void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    };
    struct FreeBio {
        void operator()(BIO* bio) const { BIO_free_all(bio); }
    };

    Status open() {
        const auto& to = request_.to;
        const bool v6 = to.host.find(':') != std::string::npos;
        const auto place = fmt::format("{}:{}", v6 ? "[" + to.host + "]" : to.host, to.port);
        if (!to.tls) {
            bio_.reset(BIO_new_connect(place.c_str()));
        } else {
            context_.reset(SSL_CTX_new(TLS_client_method()));
            if (!context_) return failed("TLS cannot be begun");
            SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
            SSL_CTX_set_default_verify_paths(context_.get());
            SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
            bio_.reset(BIO_new_ssl_connect(context_.get()));
            SSL* ssl = nullptr;
            if (bio_) BIO_get_ssl(bio_.get(), &ssl);
            if (ssl == nullptr) return failed("TLS cannot be begun");
            if (is_ip(to.host)) {
                X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), to.host.c_str());
            } else {
                // The macro of OpenSSL casts in the style of C.
                SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                         const_cast<char*>(to.host.c_str()));
                SSL_set1_host(ssl, to.host.c_str());
            }
            BIO_set_conn_hostname(bio_.get(), place.c_str());
        }
        if (!bio_) return failed("there is no memory for a connection");
        BIO_set_nbio(bio_.get(), 1);
        return ok();
    }

    // What the step did, once it did something; a failure, or too late.
    Result<int> until_done(const char* doing, const std::function<int()>& step) {
        for (;;) {
            const int done = step();
            if (done > 0) return done;
            if (!BIO_should_retry(bio_.get())) {
                if (done == 0) return 0;
                return failed(fmt::format("{} failed: {}", doing, reason()));
            }
            if (give_up_()) return Error{.code = ErrorCode::interrupted, .message = "stopped"};
            const auto left = std::chrono::duration_cast<milliseconds>(deadline_ - steady_clock::now());
            if (left.count() <= 0)
                return failed(fmt::format("{} took longer than {} ms", doing, request_.timeout.count()));
            wait(std::min(left, slice));
        }
    }

    void wait(milliseconds at_most) {
        pollfd one{.fd = static_cast<int>(BIO_get_fd(bio_.get(), nullptr)), .events = 0, .revents = 0};
        one.events = static_cast<short>(BIO_should_read(bio_.get()) ? POLLIN : POLLOUT);
        // Without a socket yet it only waits.
        static_cast<void>(::poll(&one, one.fd < 0 ? 0 : 1, static_cast<int>(one.fd < 0 ? 1 : at_most.count())));
    }

    static std::string reason() {
        const auto code = ERR_peek_last_error();
        if (code == 0) return "the connection was closed";
        if (ERR_SYSTEM_ERROR(code)) return std::error_code(ERR_GET_REASON(code), std::generic_category()).message();
        const char* text = ERR_reason_error_string(code);
        return text == nullptr ? "no reason is given" : text;
    }

    Status send() {
        const auto& to = request_.to;
        const bool v6 = to.host.find(':') != std::string::npos;
        const bool usual = to.port == (to.tls ? "443" : "80");
        const auto message = fmt::format(
            "POST {} HTTP/1.1\r\nHost: {}{}\r\nUser-Agent: weir\r\nContent-Type: application/json\r\n"
            "Content-Length: {}\r\nConnection: close\r\n{}\r\n{}",
            to.target, v6 ? "[" + to.host + "]" : to.host, usual ? "" : ":" + to.port, request_.body.size(),
            request_.header, request_.body);
        for (std::size_t sent = 0; sent < message.size();) {
            const auto left = std::min<std::size_t>(message.size() - sent, 64 * 1024);
            WEIR_ASSIGN(const int count, until_done("sending", [&] {
                            return BIO_write(bio_.get(), message.data() + sent, static_cast<int>(left));
                        }));
            if (count == 0) return failed("the connection was closed while the message was sent");
            sent += static_cast<std::size_t>(count);
        }
        return ok();
    }

    Result<int> read_status() {
        std::string answer;
        std::array<char, 1024> bytes{};
        while (answer.find("\r\n") == std::string::npos) {
            WEIR_ASSIGN(const int count, until_done("waiting for the answer", [&] {
                            return BIO_read(bio_.get(), bytes.data(), static_cast<int>(bytes.size()));
                        }));
            if (count == 0 || answer.size() > answer_bytes_max) break;
            answer.append(bytes.data(), static_cast<std::size_t>(count));
        }
        int status = 0;
        constexpr std::string_view version = "HTTP/1.";
        if (answer.starts_with(version) && answer.size() > version.size() + 5)
            std::from_chars(answer.data() + version.size() + 2, answer.data() + version.size() + 5, status);
        if (status < 100 || status > 599) return failed("the answer was none of HTTP");
        return status;
    }

    const HttpPost& request_;
    const std::function<bool()>& give_up_;
    const steady_clock::time_point deadline_;
    std::unique_ptr<SSL_CTX, FreeContext> context_;
    std::unique_ptr<BIO, FreeBio> bio_;
};

}  // namespace

std::optional<WebAddress> parse_address(std::string_view url) {
    WebAddress address;
    if (url.starts_with("https://")) {
        address.tls = true;
        url.remove_prefix(8);
    } else if (url.starts_with("http://")) {
        url.remove_prefix(7);
    } else {
        return std::nullopt;
    }
    // Nothing that could end a line of ours.
    if (std::any_of(url.begin(), url.end(), [](unsigned char c) { return c <= ' ' || c == 0x7F; })) return std::nullopt;
    const auto end = std::min(url.find_first_of("/?#"), url.size());
    auto place = url.substr(0, end);
    auto target = url.substr(end);
    target = target.substr(0, target.find('#'));
    address.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
    if (place.find('@') != std::string_view::npos) return std::nullopt;
    std::string_view port;
    if (place.starts_with('[')) {
        const auto close = place.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        address.host = place.substr(1, close - 1);
        port = place.substr(close + 1);
        if (!port.empty() && !port.starts_with(':')) return std::nullopt;
        if (!port.empty()) port.remove_prefix(1);
    } else {
        const auto colon = place.find(':');
        address.host = place.substr(0, colon);
        if (colon != std::string_view::npos) port = place.substr(colon + 1);
    }
    unsigned number = address.tls ? 443 : 80;
    if (!port.empty()) {
        const auto [stop, failure] = std::from_chars(port.data(), port.data() + port.size(), number);
        if (failure != std::errc{} || stop != port.data() + port.size() || number == 0 || number > 65'535)
            return std::nullopt;
    }
    address.port = std::to_string(number);
    if (address.host.empty()) return std::nullopt;
    return address;
}

Result<int> post(const HttpPost& request, const std::function<bool()>& give_up) {
    return Exchange(request, give_up).run();
}

}  // namespace weir::observe

#include "observe/alerts/http_post.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/file.h"
#include "base/without_exceptions.h"

namespace weir::observe {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Only its first line counts.
constexpr std::size_t answer_bytes_max = 16 * 1024;
constexpr auto slice = milliseconds(100);
constexpr int lookups_max = 8;
std::atomic<int> lookups_under_way{0};

struct Lookup {
    std::mutex mutex;
    std::condition_variable wake;
    bool done = false;
    std::vector<SocketAddress> places;
};

Error failed(std::string what) { return {.code = ErrorCode::io_failed, .message = std::move(what)}; }

struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeContext>;

Status trust(SSL_CTX* context, const std::string& authorities) {
    if (SSL_CTX_load_verify_file(context, authorities.c_str()) == 1) return ok();
    const auto code = ERR_peek_error();
    const bool by_system = ERR_SYSTEM_ERROR(code);
    const auto why = by_system ? std::error_code(ERR_GET_REASON(code), std::generic_category()).message()
                               : "there is no certificate in it";
    ERR_clear_error();
    return Error{.code = ErrorCode::io_failed,
                 .message = fmt::format("the file of trusted authorities {} cannot be used: {}", authorities, why),
                 .hint = "a PEM file with the certificates of those who sign the target's"};
}

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
        WEIR_ASSIGN(const auto places, look_up());
        WEIR_TRY(connect(places));
        if (request_.to.tls) {
            WEIR_TRY(begin_tls());
            WEIR_TRY(until_done("TLS", [this] { return static_cast<int>(BIO_do_handshake(bio_.get())); }));
        }
        WEIR_TRY(send());
        return read_status();
    }

private:
    struct FreeBio {
        void operator()(BIO* bio) const { BIO_free_all(bio); }
    };

    milliseconds left() const {
        return std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(deadline_ - steady_clock::now()));
    }
    Error too_late(const char* doing) const {
        return failed(fmt::format("{} took longer than {} ms", doing, request_.timeout.count()));
    }
    static Error stopped() { return {.code = ErrorCode::interrupted, .message = "stopped"}; }

    // A resolver cannot be told to stop: one that hangs is left behind, and no more than a few of them.
    Status place_among_lookups() {
        while (++lookups_under_way > lookups_max) {
            --lookups_under_way;
            if (give_up_()) return stopped();
            if (left().count() == 0) return failed("looking up its name: too many look-ups hang");
            std::this_thread::sleep_for(std::min(left(), milliseconds(10)));
        }
        return ok();
    }

    Result<std::vector<SocketAddress>> look_up() {
        WEIR_TRY(place_among_lookups());
        auto answer = std::make_shared<Lookup>();
        const auto begun = without_exceptions([&]() -> Status {
            std::thread([answer, lookup = request_.lookup, host = request_.to.host, port = request_.to.port] {
                auto places = lookup(host, port);
                --lookups_under_way;
                const std::lock_guard lock(answer->mutex);
                answer->places = std::move(places);
                answer->done = true;
                answer->wake.notify_all();
            }).detach();
            return ok();
        });
        if (!begun) {
            --lookups_under_way;
            return failed("looking up its name: " + begun.error().message);
        }
        std::unique_lock lock(answer->mutex);
        while (!answer->wake.wait_for(lock, std::min(left(), slice), [&] { return answer->done; })) {
            if (give_up_()) return stopped();
            if (left().count() == 0) return too_late("looking up its name");
        }
        if (answer->places.empty()) return failed("its name cannot be found");
        return std::move(answer->places);
    }

    // One after the other; each has its share of the time that is left.
    Status connect(const std::vector<SocketAddress>& places) {
        Status last = failed("connecting failed");
        for (std::size_t i = 0; i < places.size(); ++i) {
            last = connect_to(places[i], left() / static_cast<int>(places.size() - i));
            if (last || last.error().code == ErrorCode::interrupted || left().count() == 0) return last;
        }
        return last;
    }

    Status connect_to(const SocketAddress& place, milliseconds at_most) {
        const auto until = steady_clock::now() + at_most;
        FileHandle socket(::socket(place.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!socket.open()) return connect_error(errno);
        const auto* address = reinterpret_cast<const sockaddr*>(place.bytes.data());
        if (::connect(socket.get(), address, static_cast<socklen_t>(place.bytes.size())) != 0 && errno != EINPROGRESS)
            return connect_error(errno);
        for (;;) {
            pollfd one{.fd = socket.get(), .events = POLLOUT, .revents = 0};
            const auto now = steady_clock::now();
            const auto patience = std::chrono::duration_cast<milliseconds>(until - now);
            if (::poll(&one, 1, static_cast<int>(std::clamp(patience, milliseconds(0), slice).count())) > 0) break;
            if (give_up_()) return stopped();
            if (now >= until) return too_late("connecting");
        }
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) return connect_error(error);
        bio_.reset(BIO_new_socket(socket.get(), BIO_NOCLOSE));
        if (!bio_) return failed("there is no memory for a connection");
        socket_ = std::move(socket);
        return ok();
    }

    static Error connect_error(int number) {
        return failed("connecting failed: " + std::error_code(number, std::generic_category()).message());
    }

    Status begin_tls() {
        const auto& host = request_.to.host;
        context_.reset(SSL_CTX_new(TLS_client_method()));
        if (!context_) return failed("TLS cannot be begun");
        SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
        if (request_.authorities.empty()) {
            SSL_CTX_set_default_verify_paths(context_.get());
        } else {
            WEIR_TRY(trust(context_.get(), request_.authorities));
        }
        SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
        std::unique_ptr<BIO, FreeBio> tls(BIO_new_ssl(context_.get(), 1));
        SSL* ssl = nullptr;
        if (tls) BIO_get_ssl(tls.get(), &ssl);
        if (ssl == nullptr) return failed("TLS cannot be begun");
        ssl_ = ssl;
        bool named = false;
        if (is_ip(host)) {
            named = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
        } else {
            // The macro of OpenSSL casts in the style of C.
            SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(host.c_str()));
            named = SSL_set1_host(ssl, host.c_str()) == 1;
        }
        // Without a name to compare, every certificate would be good.
        if (!named) return failed("its name is none that a certificate can have");
        BIO_push(tls.get(), bio_.release());
        bio_ = std::move(tls);
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
            if (give_up_()) return stopped();
            if (left().count() == 0) return too_late(doing);
            wait(std::min(left(), slice));
        }
    }

    void wait(milliseconds at_most) {
        pollfd one{.fd = static_cast<int>(BIO_get_fd(bio_.get(), nullptr)), .events = 0, .revents = 0};
        one.events = static_cast<short>(BIO_should_read(bio_.get()) ? POLLIN : POLLOUT);
        static_cast<void>(::poll(&one, 1, static_cast<int>(at_most.count())));
    }

    std::string reason() const {
        // What is wrong with a certificate says more than that something is.
        if (const long fault = ssl_ == nullptr ? X509_V_OK : SSL_get_verify_result(ssl_); fault != X509_V_OK)
            return fmt::format("its certificate is not trusted: {}", X509_verify_cert_error_string(fault));
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
            const auto piece = std::min<std::size_t>(message.size() - sent, 64 * 1024);
            WEIR_ASSIGN(const int count, until_done("sending", [&] {
                            return BIO_write(bio_.get(), message.data() + sent, static_cast<int>(piece));
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
    FileHandle socket_;
    TlsContext context_;
    std::unique_ptr<BIO, FreeBio> bio_;
    SSL* ssl_ = nullptr;  // of bio_
};

}  // namespace

std::vector<SocketAddress> system_lookup(const std::string& host, const std::string& port) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    std::vector<SocketAddress> places;
    if (::getaddrinfo(host.c_str(), port.c_str(), &wanted, &found) != 0) return places;
    for (const auto* one = found; one != nullptr; one = one->ai_next)
        places.push_back({one->ai_family, std::string(reinterpret_cast<const char*>(one->ai_addr), one->ai_addrlen)});
    ::freeaddrinfo(found);
    return places;
}

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

Status check_authorities(const std::string& file) {
    ERR_clear_error();
    const TlsContext context(SSL_CTX_new(TLS_client_method()));
    if (!context) return failed("TLS cannot be begun");
    return trust(context.get(), file);
}

Result<int> post(const HttpPost& request, const std::function<bool()>& give_up) {
    return Exchange(request, give_up).run();
}

}  // namespace weir::observe

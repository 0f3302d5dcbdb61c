#include "serve/http/server.h"

#include <fmt/compile.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <ctime>
#include <map>
#include <set>
#include <thread>

#include "serve/http/workers.h"

namespace weir::serve::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<tcp, Executor>;
using TlsSocket = asio::ssl::stream<Socket>;
using Clock = std::chrono::steady_clock;

constexpr auto tick = std::chrono::milliseconds(250);
constexpr auto linger_time = std::chrono::seconds(2);
constexpr auto heartbeat = std::chrono::seconds(15);
constexpr auto ask_every = std::chrono::milliseconds(900);
constexpr std::size_t read_bytes = 4 * 1024;
constexpr std::size_t body_piece_bytes = 64 * 1024;
// Answers to pipelined requests are sent together up to about this size.
constexpr std::size_t write_bytes = 64 * 1024;
// A body or an answer that moves slower than this, after the first pause, is cut off.
constexpr std::int64_t bytes_per_second_min = 1024;

class ConnectionBase;

struct Loop {
    std::set<ConnectionBase*> connections;  // outlives the context, which destroys them
    asio::io_context context{1};
    asio::steady_timer timer{context};
    Clock::time_point ticked = Clock::now();
    bool spared = false;  // at the last tick nobody was checked
    std::string date;
    std::thread thread;
};

std::string http_date() {
    const auto now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    char text[40];
    const auto length = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return {text, length};
}

class ConnectionBase {
public:
    virtual ~ConnectionBase() = default;
    virtual void check(Clock::time_point now) = 0;
    virtual void drain() = 0;
    virtual void close() = 0;
    // Since when nothing was asked for; nothing while something is under way.
    virtual std::optional<Clock::time_point> idle_since() const = 0;
};

}  // namespace

struct Server::Impl {
    ServerOptions options;
    Service& service;
    std::mutex tls_mutex;
    std::shared_ptr<asio::ssl::context> tls;  // guarded by tls_mutex; whether there is one does not change
    std::unique_ptr<asio::basic_socket_acceptor<tcp, Executor>> acceptor;
    std::unique_ptr<asio::steady_timer> accept_pause;
    std::size_t next_loop = 0;
    std::uint16_t port = 0;
    std::atomic<std::size_t> open{0};
    std::atomic<std::size_t> bodies_bytes{0};
    std::atomic<bool> draining{false};
    std::mutex addresses_mutex;
    std::map<std::string, std::size_t> addresses;
    std::unique_ptr<Workers> workers;
    std::vector<std::unique_ptr<Loop>> loops;  // last: the first to go

    Impl(ServerOptions given, Service& whose) : options(std::move(given)), service(whose) {}
    ~Impl() {
        // What belongs to a loop goes before it; also where starting failed half-way.
        acceptor.reset();
        accept_pause.reset();
    }
    Status listen();
    void accept();
    void make_room();
    void run_tick(Loop& loop);
    bool enter(const std::string& address);
    void leave(const std::string& address);
};

namespace {

template <class Stream>
class Connection final : public ConnectionBase, public std::enable_shared_from_this<Connection<Stream>> {
public:
    Connection(Server::Impl& server, Loop& loop, Stream stream, Peer peer)
        : server_(server), loop_(loop), stream_(std::move(stream)), peer_(std::move(peer)) {
        loop_.connections.insert(this);
    }
    ~Connection() override {
        if (events_) events_->close();
        forget_body();
        loop_.connections.erase(this);
        server_.leave(peer_.address);
    }

    void start() {
        idle_since_ = Clock::now();
        deadline_ = idle_since_ + server_.options.header_timeout;
        if constexpr (std::is_same_v<Stream, TlsSocket>) {
            stream_.async_handshake(asio::ssl::stream_base::server,
                                    [self = this->shared_from_this()](error_code error) {
                                        if (!error) self->wait_for_request();
                                    });
        } else {
            wait_for_request();
        }
    }

    void check(Clock::time_point now) override {
        if (state_ == State::events) {
            if (events_go_on_ && now - asked_ > ask_every) {
                asked_ = now;
                if (!events_go_on_()) events_->close();
            }
            if (now - last_event_ > heartbeat) send_events();
            if (!writing_) return;
        }
        if (now < deadline_ || state_ == State::work) return;
        const bool begun = (state_ == State::head && size_ > 0) || state_ == State::body;
        // Over TLS a read is under way, beside which no other may begin.
        if (begun && !writing_ && std::is_same_v<Stream, Socket>) {
            refuse({408, "the request came too slowly"});
        } else {
            close();
        }
    }

    void drain() override {
        if (events_) {
            events_->close();
        } else if (state_ == State::head && size_ == 0 && !writing_) {
            close();
        }
    }

    void close() override {
        error_code ignored;
        socket().close(ignored);
    }

    std::optional<Clock::time_point> idle_since() const override {
        if (state_ != State::head || size_ > 0 || writing_) return std::nullopt;
        return idle_since_;
    }

private:
    enum class State { head, body, work, file, events, lingering };

    Server::Impl& server_;
    Loop& loop_;
    Stream stream_;
    const Peer peer_;
    State state_ = State::head;
    Clock::time_point deadline_, idle_since_;
    std::string buffer_;    // bytes 0 … size_ were received and not used up
    std::size_t size_ = 0;  // of them
    std::size_t seen_ = 0;
    std::size_t used_ = 0;  // of the current request's head and body, in front of the rest
    Exchange exchange_;
    Chunked chunked_;
    std::size_t body_max_ = 0;
    std::size_t body_counted_ = 0;  // of the server's bodies_bytes
    bool body_whole_ = false;
    Clock::time_point body_begun_;
    std::string piece_;  // of a body, or of what is dropped
    std::string after_;  // came behind the body, with its last piece
    std::string out_, sending_;
    bool writing_ = false;
    bool keep_alive_ = true;
    std::shared_ptr<const BodyFile> file_;
    std::uint64_t file_at_ = 0;
    std::shared_ptr<EventQueue> events_;
    std::vector<Event> sending_events_;
    Clock::time_point last_event_, asked_;
    std::function<bool()> events_go_on_;

    Socket& socket() {
        if constexpr (std::is_same_v<Stream, TlsSocket>) {
            return stream_.next_layer();
        } else {
            return stream_;
        }
    }

    void wait_for_request() {
        state_ = State::head;
        if (size_ == 0) {
            if (server_.draining) return close();
            idle_since_ = Clock::now();
            deadline_ = idle_since_ + server_.options.idle_timeout;
        }
        read();
    }

    void read() {
        if (buffer_.size() < size_ + read_bytes) buffer_.resize(std::max(size_ + read_bytes, buffer_.size() * 2));
        stream_.async_read_some(asio::buffer(buffer_.data() + size_, buffer_.size() - size_),
                                [self = this->shared_from_this()](error_code error, std::size_t count) {
                                    if (!error && self->state_ == State::head) self->received(count);
                                });
    }

    void received(std::size_t count) {
        if (state_ == State::head && size_ == 0) {
            exchange_.begun = Clock::now();
            deadline_ = exchange_.begun + server_.options.header_timeout;
        }
        size_ += count;
        proceed();
    }

    // Takes what is in the buffer as far as it goes: whole requests, or a part of one.
    void proceed() {
        while (state_ == State::head ? take_head() : state_ == State::body && take_body()) {
        }
    }

    // True: go on with what is in the buffer. False: something was begun that goes on by itself.
    bool take_head() {
        Refusal refusal;
        switch (parse_head(buffer_.data(), size_, server_.options.head, seen_, exchange_.head, used_, refusal)) {
            case Progress::more:
                if (!out_.empty()) return flush(), false;
                return wait_for_request(), false;
            case Progress::refused: return refuse(refusal), false;
            case Progress::done: break;
        }
        exchange_.peer = &peer_;
        exchange_.body.clear();
        exchange_.state.reset();
        keep_alive_ = exchange_.head.keep_alive;
        auto admission = server_.service.admit(exchange_);
        if (admission.answer) {
            // What is left of its body would be taken for a request.
            if (exchange_.head.has_body()) admission.answer->close = true;
            return finish(std::move(*admission.answer));
        }
        if (!exchange_.head.has_body()) return answer_now();
        body_max_ = admission.body_max;
        if (exchange_.head.content_length.value_or(0) > body_max_) return refuse({413, too_large(body_max_)}), false;
        chunked_ = {};
        body_begun_ = Clock::now();
        deadline_ = body_begun_ + server_.options.header_timeout;
        state_ = State::body;
        if (exchange_.head.expects_continue && size_ == used_) out_ += "HTTP/1.1 100 Continue\r\n\r\n";
        return true;
    }

    // What came with the head. The head stays where it is, its views must hold: what comes later is read elsewhere.
    bool take_body() {
        const auto taken = add_to_body(std::string_view(buffer_.data() + used_, size_ - used_));
        if (!taken) return false;
        used_ += *taken;
        if (body_whole_) return answer_now();
        read_body();
        return false;
    }

    // How much of it belongs to the body; nothing after a refusal.
    std::optional<std::size_t> add_to_body(std::string_view bytes) {
        if (!exchange_.head.chunked) {
            const auto left = *exchange_.head.content_length - exchange_.body.size();
            const auto count = std::min<std::uint64_t>(left, bytes.size());
            exchange_.body.append(bytes.substr(0, count));
            body_whole_ = count == left;
            if (!count_body()) return std::nullopt;
            return count;
        }
        Refusal refusal;
        std::size_t count = 0;
        const auto progress = chunked_.feed(bytes, body_max_, exchange_.body, count, refusal);
        if (progress == Progress::refused) {
            refuse(refusal);
            return std::nullopt;
        }
        body_whole_ = progress == Progress::done;
        if (!count_body()) return std::nullopt;
        return count;
    }

    // Many bodies at once, each within its bound, are still bounded.
    bool count_body() {
        const auto more = exchange_.body.size() - body_counted_;
        body_counted_ += more;
        if ((server_.bodies_bytes += more) <= server_.options.bodies_bytes_max) return true;
        refuse({503, "there are too many requests with large bodies now"});
        return false;
    }

    void forget_body() {
        exchange_.body = std::string();
        server_.bodies_bytes -= std::exchange(body_counted_, 0);
    }

    void read_body() {
        // 100 Continue, and answers to requests before this one.
        if (!out_.empty()) return flush();
        const auto earned =
            std::chrono::seconds(static_cast<std::int64_t>(exchange_.body.size()) / bytes_per_second_min);
        const auto pause = server_.options.header_timeout;
        deadline_ = std::min(Clock::now() + pause, body_begun_ + pause + earned);
        piece_.resize(body_piece_bytes);
        stream_.async_read_some(asio::buffer(piece_),
                                [self = this->shared_from_this()](error_code error, std::size_t count) {
                                    if (error || self->state_ != State::body) return;
                                    const auto taken = self->add_to_body(std::string_view(self->piece_.data(), count));
                                    if (!taken) return;
                                    if (!self->body_whole_) return self->read_body();
                                    self->after_.assign(self->piece_, *taken, count - *taken);
                                    self->piece_ = std::string();
                                    if (self->answer_now()) self->proceed();
                                });
    }

    bool answer_now() {
        state_ = State::head;
        auto response = server_.service.answer(exchange_);
        if (!response) {
            state_ = State::work;
            work();
            return false;
        }
        return finish(std::move(*response));
    }

    void work() {
        state_ = State::work;
        // The loop may be gone on to other connections: whoever works holds this one.
        const bool taken = server_.workers->submit([self = this->shared_from_this()]() mutable {
            auto response = std::make_shared<Response>(self->server_.service.work(self->exchange_));
            auto executor = self->loop_.context.get_executor();
            auto* raw = self.get();
            asio::post(executor, [keep = std::move(self), raw, response] {
                raw->state_ = State::head;
                if (raw->finish(std::move(*response))) raw->proceed();
            });
        });
        if (taken) return;
        state_ = State::head;
        if (finish(server_.service.busy(exchange_))) proceed();
    }

    // Puts the answer into the output. True: go on with the next request at once.
    bool finish(Response response) {
        const auto& head = exchange_.head;
        const bool is_head = head.method == Method::head;
        keep_alive_ = keep_alive_ && !response.close && !server_.draining;
        const auto length = response.file ? response.file->size : response.body.size();
        append_response_head(response, length);
        server_.service.finished(&exchange_, peer_, response.status, is_head ? 0 : length);
        const bool bodiless = is_head || response.status == 204 || response.status == 304;
        use_up();
        if (response.events) {
            events_go_on_ = std::move(response.events_go_on);
            begin_events(std::move(response.events));
            return false;
        }
        if (!bodiless && response.file && response.file->size > 0) {
            file_ = std::move(response.file);
            file_at_ = 0;
            state_ = State::file;
            return flush(), false;
        }
        if (!bodiless) out_ += response.body;
        state_ = State::head;
        if (!keep_alive_ || out_.size() >= write_bytes || size_ == 0) return flush(), false;
        exchange_.begun = Clock::now();
        return true;
    }

    void append_response_head(const Response& response, std::uint64_t length) {
        fmt::format_to(std::back_inserter(out_), FMT_COMPILE("HTTP/1.1 {} {}\r\nDate: {}\r\n"), response.status,
                       reason_phrase(response.status), loop_.date);
        out_ += response.fields;
        if (response.events) {
            out_ += "Transfer-Encoding: chunked\r\n";
        } else if (response.status != 204 && response.status != 304) {
            fmt::format_to(std::back_inserter(out_), FMT_COMPILE("Content-Length: {}\r\n"), length);
        }
        if (!keep_alive_) {
            out_ += "Connection: close\r\n";
        } else if (!exchange_.head.http_1_1) {
            out_ += "Connection: keep-alive\r\n";
        }
        out_ += "\r\n";
    }

    // The request's bytes make room for the next one's.
    void use_up() {
        // Behind size_ is room for what comes.
        std::copy(buffer_.data() + used_, buffer_.data() + size_, buffer_.data());
        size_ -= used_;
        if (!after_.empty()) {
            buffer_.resize(size_);
            buffer_ += after_;
            size_ += after_.size();
            after_.clear();
        }
        used_ = 0;
        seen_ = 0;
        if (size_ == 0 && buffer_.size() > 4 * read_bytes) buffer_ = std::string();
        forget_body();
        exchange_.state.reset();
    }

    void refuse(const Refusal& refusal) {
        auto response = server_.service.refuse(refusal);
        keep_alive_ = false;
        append_response_head(response, response.body.size());
        out_ += response.body;
        server_.service.finished(nullptr, peer_, response.status, response.body.size());
        size_ = used_ = 0;
        forget_body();
        state_ = State::head;
        flush();
    }

    void flush() {
        if (writing_) return;
        std::swap(out_, sending_);
        out_.clear();
        writing_ = true;
        deadline_ = Clock::now() + server_.options.header_timeout +
                    std::chrono::seconds(static_cast<std::int64_t>(sending_.size()) / bytes_per_second_min);
        asio::async_write(stream_, asio::buffer(sending_),
                          [self = this->shared_from_this()](error_code error, std::size_t) {
                              self->writing_ = false;
                              if (!error) self->sent();
                          });
    }

    void sent() {
        if (sending_.capacity() > 4 * write_bytes) sending_ = std::string();
        if (state_ == State::events) return send_events();
        if (state_ == State::body) return read_body();
        if (state_ == State::file) return send_file();
        if (!keep_alive_) return linger();
        if (size_ > 0) {
            exchange_.begun = Clock::now();
            deadline_ = exchange_.begun + server_.options.header_timeout;
            return proceed();
        }
        wait_for_request();
    }

    void send_file() {
        if (file_at_ == file_->size) {
            file_.reset();
            state_ = State::head;
            return sent();
        }
        out_.resize(std::min<std::uint64_t>(2 * write_bytes, file_->size - file_at_));
        const auto count = ::pread(file_->file.get(), out_.data(), out_.size(), static_cast<off_t>(file_at_));
        if (count <= 0) return close();
        out_.resize(static_cast<std::size_t>(count));
        file_at_ += static_cast<std::uint64_t>(count);
        flush();
    }

    void begin_events(std::shared_ptr<EventQueue> events) {
        events_ = std::move(events);
        state_ = State::events;
        last_event_ = asked_ = Clock::now();
        events_->attach([weak = this->weak_from_this(), executor = loop_.context.get_executor()] {
            asio::post(executor, [weak] {
                if (const auto self = weak.lock()) self->send_events();
            });
        });
        watch();
        flush();
    }

    // A client that goes away is noticed by the end of what it sends.
    void watch() {
        piece_.resize(256);
        stream_.async_read_some(asio::buffer(piece_), [self = this->shared_from_this()](error_code error, std::size_t) {
            if (error) {
                self->events_->close();
                return self->close();
            }
            self->watch();
        });
    }

    void send_events() {
        if (writing_ || state_ != State::events) return;
        static const auto still_here = std::make_shared<const std::string>(": still here\n\n");
        const bool more = events_->take(sending_events_);
        const auto now = Clock::now();
        if (sending_events_.empty() && more) {
            if (now - last_event_ < heartbeat) return;
            sending_events_.push_back(still_here);
        }
        last_event_ = now;
        std::size_t bytes = 0;
        for (const auto& event : sending_events_) bytes += event->size();
        // One chunk around the events, which are not copied.
        sending_ = bytes > 0 ? fmt::format("{:x}\r\n", bytes) : std::string();
        std::vector<asio::const_buffer> buffers{asio::buffer(sending_)};
        for (const auto& event : sending_events_) buffers.emplace_back(asio::buffer(*event));
        if (bytes > 0) buffers.emplace_back("\r\n", 2);
        if (!more) {
            buffers.emplace_back("0\r\n\r\n", 5);
            keep_alive_ = false;
            state_ = State::head;
        }
        writing_ = true;
        deadline_ = now + server_.options.header_timeout +
                    std::chrono::seconds(static_cast<std::int64_t>(bytes) / bytes_per_second_min);
        asio::async_write(stream_, buffers, [self = this->shared_from_this()](error_code error, std::size_t) {
            self->writing_ = false;
            self->sending_events_.clear();
            if (!error) self->sent();
        });
    }

    // Sends the end, and reads what still comes, so that the answer is not lost in a reset.
    void linger() {
        state_ = State::lingering;
        deadline_ = Clock::now() + linger_time;
        error_code ignored;
        if constexpr (std::is_same_v<Stream, TlsSocket>) {
            stream_.async_shutdown([self = this->shared_from_this()](error_code) { self->close(); });
        } else {
            socket().shutdown(tcp::socket::shutdown_send, ignored);
            drop();
        }
    }

    void drop() {
        piece_.resize(16 * 1024);
        stream_.async_read_some(asio::buffer(piece_), [self = this->shared_from_this()](error_code error, std::size_t) {
            if (error) return self->close();
            self->drop();
        });
    }
};

std::string address_text(const asio::ip::address& address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
    return address.to_string();
}

Error listen_error(const std::string& listen, const error_code& error) {
    return {.code = ErrorCode::io_failed,
            .message = fmt::format("cannot listen on {}: {}", listen, error.message()),
            .hint = error == boost::system::errc::address_in_use
                        ? "another program listens there; choose another port with --listen"
                        : "name an address of this machine, for example 127.0.0.1:8080"};
}

}  // namespace

bool Server::Impl::enter(const std::string& address) {
    if (options.connections_per_address_max != 0) {
        const std::lock_guard lock(addresses_mutex);
        auto& count = addresses[address];
        if (count >= options.connections_per_address_max) return false;
        ++count;
    }
    ++open;
    return true;
}

void Server::Impl::leave(const std::string& address) {
    --open;
    if (options.connections_per_address_max == 0) return;
    const std::lock_guard lock(addresses_mutex);
    const auto found = addresses.find(address);
    if (found != addresses.end() && --found->second == 0) addresses.erase(found);
}

Status Server::Impl::listen() {
    WEIR_ASSIGN(const auto where, parse_listen(options.listen));
    error_code error;
    const auto host = where.host == "localhost" ? std::string("127.0.0.1") : where.host;
    const auto address = asio::ip::make_address(host, error);
    if (error) return listen_error(options.listen, error);
    const tcp::endpoint endpoint(address, where.port);
    acceptor = std::make_unique<asio::basic_socket_acceptor<tcp, Executor>>(loops[0]->context);
    acceptor->open(endpoint.protocol(), error);
    if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor->bind(endpoint, error);
    if (!error) acceptor->listen(4096, error);
    if (error) return listen_error(options.listen, error);
    port = acceptor->local_endpoint(error).port();
    accept_pause = std::make_unique<asio::steady_timer>(loops[0]->context);
    return ok();
}

void Server::Impl::accept() {
    if (draining) return;
    const auto again = [this] {
        accept_pause->expires_after(std::chrono::milliseconds(50));
        accept_pause->async_wait([this](error_code error) {
            if (!error) accept();
        });
    };
    if (open >= options.connections_max) {
        make_room();
        return again();
    }
    auto& loop = *loops[next_loop++ % loops.size()];
    acceptor->async_accept(loop.context, [this, &loop, again](error_code error, Socket socket) {
        if (error == asio::error::operation_aborted || draining) return;
        // Too many open files and the like pass.
        if (error) return again();
        error_code failure;
        const auto remote = socket.remote_endpoint(failure);
        if (!failure) {
            Peer peer{address_text(remote.address()), remote.address().is_loopback()};
            if (!peer.loopback && peer.address.starts_with("127.")) peer.loopback = true;
            if (enter(peer.address)) {
                socket.set_option(tcp::no_delay(true), failure);
                asio::post(loop.context, [this, &loop, peer = std::move(peer), socket = std::move(socket)]() mutable {
                    std::shared_ptr<asio::ssl::context> with;
                    {
                        const std::lock_guard lock(tls_mutex);
                        with = tls;
                    }
                    // A connection holds what OpenSSL needs of its context by itself.
                    if (with) {
                        std::make_shared<Connection<TlsSocket>>(*this, loop, TlsSocket(std::move(socket), *with),
                                                                std::move(peer))
                            ->start();
                    } else {
                        std::make_shared<Connection<Socket>>(*this, loop, std::move(socket), std::move(peer))->start();
                    }
                });
            }
        }
        accept();
    });
}

void Server::Impl::make_room() {
    const auto count = std::max<std::size_t>(1, options.connections_max / 8 / loops.size());
    for (auto& loop : loops) {
        asio::post(loop->context, [here = loop.get(), count] {
            std::vector<std::pair<Clock::time_point, ConnectionBase*>> idle;
            for (auto* connection : here->connections)
                if (const auto since = connection->idle_since()) idle.emplace_back(*since, connection);
            const auto end = idle.begin() + static_cast<std::ptrdiff_t>(std::min(count, idle.size()));
            std::partial_sort(idle.begin(), end, idle.end());
            // What is closed goes away later, when its read ends.
            std::for_each(idle.begin(), end, [](const auto& one) { one.second->close(); });
        });
    }
}

void Server::Impl::run_tick(Loop& loop) {
    loop.date = http_date();
    const auto now = Clock::now();
    // Where we stood still ourselves, what came meanwhile is read first; but who keeps us busy is checked all the same.
    loop.spared = !loop.spared && now - loop.ticked > 2 * tick;
    loop.ticked = now;
    if (!loop.spared) {
        // A connection that is checked may go away.
        const std::vector<ConnectionBase*> all(loop.connections.begin(), loop.connections.end());
        for (auto* connection : all)
            if (loop.connections.contains(connection)) connection->check(now);
    }
    service.tick();
    loop.timer.expires_after(tick);
    loop.timer.async_wait([this, &loop](error_code error) {
        if (!error) run_tick(loop);
    });
}

Result<ListenAddress> parse_listen(const std::string& text) {
    const auto bad = [&] {
        return Error{.code = ErrorCode::usage,
                     .message = fmt::format("'{}' is no address to listen on", text),
                     .hint = "ADDRESS:PORT, for example 127.0.0.1:8080, 0.0.0.0:80 or [::1]:8080"};
    };
    const auto colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0) return bad();
    ListenAddress where;
    where.host = text.substr(0, colon);
    const auto port = std::string_view(text).substr(colon + 1);
    const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), where.port);
    if (failure != std::errc{} || end != port.data() + port.size()) return bad();
    if (where.host.starts_with('[') && where.host.ends_with(']')) {
        where.host = where.host.substr(1, where.host.size() - 2);
    } else if (where.host.find(':') != std::string::npos) {
        return bad();
    }
    error_code error;
    const auto address = asio::ip::make_address(where.host == "localhost" ? "127.0.0.1" : where.host, error);
    if (error) return bad();
    where.loopback = address.is_loopback();
    return where;
}

namespace {

Result<std::shared_ptr<asio::ssl::context>> tls_context(const std::string& certificate, const std::string& key) {
    error_code error;
    auto tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    SSL_CTX_set_min_proto_version(tls->native_handle(), TLS1_2_VERSION);
    SSL_CTX_set_options(tls->native_handle(), SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    tls->use_certificate_chain_file(certificate, error);
    if (error)
        return Error{.code = ErrorCode::io_failed,
                     .message = fmt::format("the certificate {} cannot be used: {}", certificate, error.message()),
                     .hint = "a PEM file with the server's certificate first"};
    tls->use_private_key(asio::buffer(key), asio::ssl::context::pem, error);
    if (error || SSL_CTX_check_private_key(tls->native_handle()) != 1)
        return Error{.code = ErrorCode::io_failed,
                     .message = "the private key of TLS cannot be used",
                     .hint = "a PEM key without a passphrase that belongs to the certificate"};
    return tls;
}

}  // namespace

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Status Server::use_certificate(const std::string& certificate, const std::string& key) {
    WEIR_ASSIGN(auto made, tls_context(certificate, key));
    const std::lock_guard lock(impl_->tls_mutex);
    impl_->tls = std::move(made);
    return ok();
}

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Service& service) {
    auto impl = std::make_unique<Impl>(std::move(options), service);
    for (int i = 0; i < std::max(1, impl->options.loops); ++i) impl->loops.push_back(std::make_unique<Loop>());
    WEIR_TRY(impl->listen());
    if (!impl->options.certificate.empty()) {
        WEIR_ASSIGN(impl->tls, tls_context(impl->options.certificate, impl->options.key));
    }
    impl->workers = std::make_unique<Workers>(std::max(1, impl->options.workers), impl->options.waiting_max);
    for (auto& loop : impl->loops) {
        loop->date = http_date();
        asio::post(loop->context, [raw = impl.get(), here = loop.get()] { raw->run_tick(*here); });
    }
    impl->accept();
    for (auto& loop : impl->loops) loop->thread = std::thread([here = loop.get()] { here->context.run(); });
    return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port() const { return impl_->port; }
std::size_t Server::connections() const { return impl_->open; }
std::size_t Server::waiting() const { return impl_->workers->waiting(); }

bool Server::drain(std::chrono::milliseconds at_most) {
    impl_->draining = true;
    asio::post(impl_->loops[0]->context, [impl = impl_.get()] {
        error_code ignored;
        impl->acceptor->close(ignored);
        impl->accept_pause->cancel();
    });
    for (auto& loop : impl_->loops) {
        asio::post(loop->context, [here = loop.get()] {
            const std::vector<ConnectionBase*> all(here->connections.begin(), here->connections.end());
            for (auto* connection : all)
                if (here->connections.contains(connection)) connection->drain();
        });
    }
    const auto until = Clock::now() + at_most;
    while (impl_->open > 0 && Clock::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return impl_->open == 0;
}

Server::~Server() {
    impl_->draining = true;
    for (auto& loop : impl_->loops) {
        asio::post(loop->context, [here = loop.get()] {
            const std::vector<ConnectionBase*> all(here->connections.begin(), here->connections.end());
            for (auto* connection : all)
                if (here->connections.contains(connection)) connection->close();
            here->context.stop();
        });
    }
    for (auto& loop : impl_->loops) loop->thread.join();
    // Connections belong to their loops' threads: only now may others let go of them.
    impl_->workers.reset();
    impl_->acceptor.reset();
    impl_->accept_pause.reset();
    // What was still posted goes with its context, and the connections with it, while the rest of us is there.
    for (auto& loop : impl_->loops) {
        for (int i = 0; i < 2; ++i) {
            loop->context.restart();
            loop->context.poll();
        }
    }
}

}  // namespace weir::serve::http

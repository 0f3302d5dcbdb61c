// A request, its answer, and who makes one from the other.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "serve/http/request.h"

namespace weir::serve::http {

struct Peer {
    std::string address;
    bool loopback = false;
};

// Bytes of an answer that lie on disk, in a file without a name.
struct BodyFile {
    FileHandle file;
    std::uint64_t size = 0;
};

// What many clients are told lies in memory once.
using Event = std::shared_ptr<const std::string>;

// Server-sent events on their way to one client: whoever has news pushes, the connection takes. Bounded: a client that
// does not keep up is closed and comes back with the last id that it saw. Safe from any thread.
class EventQueue {
public:
    explicit EventQueue(std::size_t bytes_max) : bytes_max_(bytes_max) {}
    // False once it is closed.
    bool push(Event event);
    bool push(std::string event) { return push(std::make_shared<const std::string>(std::move(event))); }
    void close();
    bool closed() const;
    // For the connection: what is there, and whether more can come. `wake` is called after a push.
    void attach(std::function<void()> wake);
    bool take(std::vector<Event>& out);

private:
    std::size_t bytes_max_;
    mutable std::mutex mutex_;
    std::vector<Event> pending_;
    std::size_t pending_bytes_ = 0;
    bool closed_ = false;
    std::function<void()> wake_;
};

struct Response {
    int status = 200;
    std::string fields;  // "Name: value\r\n" …; the server adds Date, Content-Length and Connection
    std::string body;
    std::shared_ptr<const BodyFile> file;  // instead of `body`
    std::shared_ptr<EventQueue> events;    // instead of both
    std::function<bool()> events_go_on;    // asked about once a second, on the loop: whether they still may; empty: yes
    bool close = false;

    Response& field(std::string_view name, std::string_view value);
};

// The answer that goes on as long as the queue has events (text/event-stream).
Response event_stream(std::shared_ptr<EventQueue> events);

// One request, from its head to the last byte of its answer. The head points into the connection's bytes, which stay
// as they are until then.
struct Exchange {
    Head head;
    const Peer* peer = nullptr;
    std::string body;
    std::chrono::steady_clock::time_point begun;
    std::shared_ptr<void> state;  // the service's own
};

struct Admission {
    std::optional<Response> answer;  // refused or answered before its body is read
    std::size_t body_max = 0;        // a longer body is answered with 413
};

// Makes answers. Everything but `work` is called on an event loop and must not wait.
class Service {
public:
    virtual ~Service() = default;
    // The head is there; of a body nothing was read and no 100 Continue was sent.
    virtual Admission admit(Exchange& exchange) = 0;
    // The request is whole. Nothing: it is for `work`.
    virtual std::optional<Response> answer(Exchange& exchange) = 0;
    // On a thread for queries.
    virtual Response work(Exchange& exchange) = 0;
    // No thread for queries is free, and too many wait.
    virtual Response busy(Exchange& exchange) = 0;
    // What never became a request: a malformed one, or one that came too slowly.
    virtual Response refuse(const Refusal& refusal) = 0;
    // The answer is on its way: for the log and the metrics. `exchange` has no head after a refusal.
    virtual void finished(const Exchange* exchange, const Peer& peer, int status, std::uint64_t bytes) = 0;
    // About four times a second on each loop.
    virtual void tick() = 0;
};

std::string_view reason_phrase(int status);

}  // namespace weir::serve::http

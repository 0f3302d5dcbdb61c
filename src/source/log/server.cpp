#include "source/log/server.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <future>

#include "base/limits.h"
#include "source/log/frames.h"
#include "source/log/socket.h"

namespace weir::source::log {
namespace {

using Answer = std::future<AnswerFrame>;

// Answers that are not ready yet, in the order of their requests; then the reader waits.
constexpr std::size_t answers_waiting_max = 256;
constexpr int send_seconds_max = 10;

AnswerFrame answer_of(Status status) {
    if (status) return DoneFrame{};
    return FailedFrame{std::move(status).error()};
}

Answer ready(AnswerFrame answer) {
    std::promise<AnswerFrame> promise;
    promise.set_value(std::move(answer));
    return promise.get_future();
}

struct CarryOut {
    Log& log;

    Answer operator()(AppendFrame& frame) const {
        auto promise = std::make_shared<std::promise<AnswerFrame>>();
        auto answer = promise->get_future();
        log.append(std::move(frame.request), [promise](Result<Appended> appended) {
            if (appended) {
                promise->set_value(DoneFrame{{appended->offset, appended->duplicate ? 1 : 0}});
            } else {
                promise->set_value(FailedFrame{std::move(appended).error()});
            }
        });
        return answer;
    }
    Answer operator()(const CreateTopicFrame& frame) const {
        const auto config = config_from_json(frame.config, "the request");
        if (!config) return ready(FailedFrame{config.error()});
        return ready(answer_of(log.create_topic(frame.topic, *config)));
    }
    Answer operator()(const DeleteTopicFrame& frame) const { return ready(answer_of(log.delete_topic(frame.topic))); }
    Answer operator()(const CompactFrame& frame) const {
        const auto compacted = log.compact(frame.topic);
        if (!compacted) return ready(FailedFrame{compacted.error()});
        return ready(DoneFrame{{compacted->records_before, compacted->records_after, compacted->bytes_before,
                                compacted->bytes_after, compacted->segments, compacted->damaged_segments}});
    }
    Answer operator()(const RetainFrame&) const {
        const auto bytes = log.retain();
        if (!bytes) return ready(FailedFrame{bytes.error()});
        return ready(DoneFrame{{*bytes}});
    }
};

}  // namespace

struct Server::Connection {
    Connection(Log& log, FileHandle socket)
        : log_(log), socket_(std::move(socket)), reader_([this] { read(); }), writer_([this] { write(); }) {}
    ~Connection() {
        stop();
        reader_.join();
        writer_.join();
    }
    // No more requests are read.
    void stop() { ::shutdown(socket_.get(), SHUT_RD); }
    bool finished() const { return finished_; }

private:
    void push(std::optional<Answer> answer) {
        std::unique_lock hold(mutex_);
        room_.wait(hold, [&] { return answers_.size() < answers_waiting_max; });
        answers_.push_back(std::move(answer));
        more_.notify_one();
    }
    void read() {
        for (;;) {
            auto body = receive_frame(socket_.get());
            if (body && !*body) break;
            auto request = body ? read_request(**body) : std::nullopt;
            if (!request) {
                push(ready(FailedFrame{body ? Error{.code = ErrorCode::refused,
                                                    .message = "the log's owner could not read the request",
                                                    .hint = "both sides must be weir of the same version"}
                                            : std::move(body).error()}));
                break;
            }
            push(std::visit(CarryOut{log_}, *request));
        }
        push(std::nullopt);
    }
    void write() {
        bool broken = false;
        for (;;) {
            std::optional<Answer> answer;
            {
                std::unique_lock hold(mutex_);
                more_.wait(hold, [&] { return !answers_.empty(); });
                answer = std::move(answers_.front());
                answers_.pop_front();
                room_.notify_one();
            }
            if (!answer) break;
            const auto bytes = encode(answer->get());
            // Who does not listen any more still has their requests carried out.
            if (!broken) broken = !send_bytes(socket_.get(), bytes);
        }
        ::shutdown(socket_.get(), SHUT_RDWR);
        finished_ = true;
    }

    Log& log_;
    FileHandle socket_;
    std::atomic<bool> finished_{false};
    // Guarded by mutex_.
    std::mutex mutex_;
    std::condition_variable more_, room_;
    std::deque<std::optional<Answer>> answers_;  // nothing: the end
    std::thread reader_, writer_;
};

Result<std::unique_ptr<Server>> Server::start(Log& log) {
    WEIR_ASSIGN(auto socket, listen_at(log.folder()));
    return std::unique_ptr<Server>(new Server(log, std::move(socket)));
}

Server::Server(Log& log, FileHandle socket)
    : log_(log), socket_(std::move(socket)), acceptor_([this] { accept_until_stopped(); }) {}

Server::~Server() {
    {
        const std::lock_guard hold(mutex_);
        stopping_ = true;
    }
    ::shutdown(socket_.get(), SHUT_RDWR);
    acceptor_.join();
    std::error_code ignored;
    fs::remove(log_.folder() / "socket", ignored);
    connections_.clear();
}

void Server::accept_until_stopped() {
    for (;;) {
        FileHandle accepted(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        const std::lock_guard hold(mutex_);
        if (stopping_) return;
        if (!accepted.open()) {
            if (errno == EINTR || errno == ECONNABORTED) continue;
            // Without room for one more file it is tried again a little later.
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            continue;
        }
        connections_.remove_if([](const auto& connection) { return connection->finished(); });
        if (connections_.size() >= static_cast<std::size_t>(limits::log_connections_max)) {
            const auto refused = send_bytes(
                accepted.get(), encode(FailedFrame{{.code = ErrorCode::refused,
                                                    .message = fmt::format("{} processes publish to the log already",
                                                                           connections_.size()),
                                                    .hint = "wait for one of them to end"}}));
            static_cast<void>(refused);
            continue;
        }
        // Who does not take answers does not keep the owner from ending.
        const timeval span{.tv_sec = send_seconds_max, .tv_usec = 0};
        ::setsockopt(accepted.get(), SOL_SOCKET, SO_SNDTIMEO, &span, sizeof(span));
        connections_.push_back(std::make_unique<Connection>(log_, std::move(accepted)));
    }
}

}  // namespace weir::source::log

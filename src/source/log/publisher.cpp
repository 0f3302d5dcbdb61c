#include "source/log/publisher.h"

#include <deque>
#include <future>
#include <thread>

#include "base/stop.h"
#include "source/log/frames.h"
#include "source/log/server.h"
#include "source/log/socket.h"

namespace weir::source::log {
namespace {

// An owner that starts listens, and one that ends lets go of the log, well within that.
constexpr auto patience = std::chrono::seconds(10);
constexpr auto pause = std::chrono::milliseconds(20);

class OwnPublisher final : public Publisher {
public:
    OwnPublisher(std::unique_ptr<Log> log, std::unique_ptr<Server> server)
        : log_(std::move(log)), server_(std::move(server)) {}

    Status send(AppendRequest request) override {
        auto promise = std::make_shared<std::promise<Result<Appended>>>();
        answers_.push_back(promise->get_future());
        log_->append(std::move(request),
                     [promise](Result<Appended> appended) { promise->set_value(std::move(appended)); });
        return ok();
    }
    Result<Appended> answer() override {
        auto appended = answers_.front().get();
        answers_.pop_front();
        return appended;
    }
    bool lost() const override { return false; }
    Status create_topic(const std::string& name, const TopicConfig& config) override {
        return log_->create_topic(name, config);
    }
    Status delete_topic(const std::string& name) override { return log_->delete_topic(name); }
    Result<Compacted> compact(const std::string& topic) override { return log_->compact(topic); }
    Result<std::int64_t> retain() override { return log_->retain(); }
    Status close() override {
        server_.reset();
        return log_->close();
    }

private:
    std::unique_ptr<Log> log_;
    std::unique_ptr<Server> server_;
    std::deque<std::future<Result<Appended>>> answers_;
};

class SocketPublisher final : public Publisher {
public:
    explicit SocketPublisher(FileHandle socket) : socket_(std::move(socket)) {}

    Status send(AppendRequest request) override { return put(AppendFrame{std::move(request)}); }
    Result<Appended> answer() override {
        WEIR_ASSIGN(const auto numbers, take(2));
        return Appended{numbers[0], numbers[1] != 0};
    }
    bool lost() const override { return lost_; }
    Status create_topic(const std::string& name, const TopicConfig& config) override {
        return ask(CreateTopicFrame{name, to_json(config)});
    }
    Status delete_topic(const std::string& name) override { return ask(DeleteTopicFrame{name}); }
    Result<Compacted> compact(const std::string& topic) override {
        WEIR_TRY(put(CompactFrame{topic}));
        WEIR_ASSIGN(const auto numbers, take(6));
        return Compacted{
            numbers[0], numbers[1], numbers[2], numbers[3], static_cast<int>(numbers[4]), static_cast<int>(numbers[5])};
    }
    Result<std::int64_t> retain() override {
        WEIR_TRY(put(RetainFrame{}));
        WEIR_ASSIGN(const auto numbers, take(1));
        return numbers[0];
    }
    Status close() override { return ok(); }

private:
    Status put(const RequestFrame& frame) {
        auto sent = send_bytes(socket_.get(), encode(frame));
        lost_ = lost_ || !sent;
        return sent;
    }
    Result<std::vector<std::int64_t>> take(std::size_t count) {
        auto body = receive_frame(socket_.get());
        if (!body || !*body) {
            lost_ = true;
            if (!body) return std::move(body).error();
            return Error{.code = ErrorCode::io_failed, .message = "the process that owns the log has gone"};
        }
        auto answer = read_answer(**body);
        if (!answer) {
            lost_ = true;
            return Error{.code = ErrorCode::io_failed, .message = "the log's owner gave an answer of another form"};
        }
        if (auto* failed = std::get_if<FailedFrame>(&*answer)) {
            // An owner that ends refuses what it can no longer append.
            if (failed->error.code == ErrorCode::interrupted) lost_ = true;
            return std::move(failed->error);
        }
        auto numbers = std::get<DoneFrame>(std::move(*answer)).numbers;
        numbers.resize(count);
        return numbers;
    }
    Status ask(const RequestFrame& frame) {
        WEIR_TRY(put(frame));
        const auto answer = take(0);
        return answer ? ok() : Status(answer.error());
    }

    FileHandle socket_;
    bool lost_ = false;
};

}  // namespace

Result<std::unique_ptr<Publisher>> open_publisher(const fs::path& folder, const LogOptions& options) {
    const auto until = std::chrono::steady_clock::now() + patience;
    for (;;) {
        auto log = Log::open(folder, options);
        if (log) {
            WEIR_ASSIGN(auto server, Server::start(**log));
            return std::unique_ptr<Publisher>(std::make_unique<OwnPublisher>(std::move(*log), std::move(server)));
        }
        if (log.error().code != ErrorCode::log_locked) return std::move(log).error();
        auto socket = connect_to(folder);
        if (socket) return std::unique_ptr<Publisher>(std::make_unique<SocketPublisher>(std::move(*socket)));
        if (socket.error().code != ErrorCode::not_found) return std::move(socket).error();
        if (std::chrono::steady_clock::now() >= until || stop_requested()) return std::move(log).error();
        std::this_thread::sleep_for(pause);
    }
}

}  // namespace weir::source::log

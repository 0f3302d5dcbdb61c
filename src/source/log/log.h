// The log as the one process that owns it has it: appends from any thread, committed in groups by one.
//
//   auto log = Log::open(folder, {});            the lock is ours, or log_locked names who has it
//   log->create_topic("orders", {.partitions = 4});
//   log->append({.topic = "orders", .partition = 0, .batch = …});     returns when it is durable by the policy
//
// Reading needs no owner: reader.h.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "declare/project.h"
#include "source/log/compact.h"
#include "source/log/partition.h"

namespace weir::source::log {

struct LogOptions {
    Sync sync = Sync::always;
    std::chrono::milliseconds sync_interval{1000};  // Sync::interval
    std::chrono::milliseconds retain_every{30'000};
    const Clock* clock = nullptr;  // none: the system's
    // Told of repairs and damage that opening a partition met, a sentence each. Called from another thread.
    std::function<void(const std::string&)> note{};
};

// As a project says it.
LogOptions options_of(const declare::LogPlace& place);

struct AppendRequest {
    std::string topic;
    int partition = 0;
    EncodedBatch batch;
    // An idempotent producer: its number (any that nobody else uses), and how many records it sent to the partition
    // before these. An append that comes again is not appended again.
    std::int64_t producer = -1, sequence = -1;
};

struct Appended {
    std::int64_t offset = -1;  // of the first record; -1 for a duplicate whose place is not known any more
    bool duplicate = false;    // it was there before
};

class Log {
public:
    // Makes the log where nothing is. Errors: log_locked, log_unsupported, log_damaged.
    static Result<std::unique_ptr<Log>> open(const fs::path& folder, LogOptions options);
    // Closes; see close() for how to hear of failures.
    ~Log();
    Log(const Log&) = delete;

    // Commits what waits, and lets go of the lock. Appends fail from then on.
    Status close();

    // Succeeds where the topic exists with this configuration; refused where it has another one.
    Status create_topic(const std::string& name, const TopicConfig& config);
    Status delete_topic(const std::string& name);
    Result<TopicConfig> topic(const std::string& name);

    // Waits while limits::log_queue_bytes_max wait. `done` is called once, from the committing thread: it must be
    // quick. Appends of one thread to one partition are committed in their order.
    using Done = std::function<void(Result<Appended>)>;
    void append(AppendRequest request, Done done);
    Result<Appended> append(AppendRequest request);

    // Removes what the topics' retention lets go; also done every `retain_every`. Returns the bytes.
    Result<std::int64_t> retain();
    // Of each key the newest record stays, in all segments but those that grow.
    Result<Compacted> compact(const std::string& topic);

    const fs::path& folder() const { return folder_; }

private:
    struct Waiting {
        AppendRequest request;
        Done done;
    };
    struct Topic {
        TopicConfig config;
        std::map<int, Partition> partitions;  // those in use
        // Held by compaction and by whatever removes segments.
        std::shared_ptr<std::mutex> maintenance = std::make_shared<std::mutex>();
    };

    Log(fs::path folder, LogOptions options, FileHandle lock);
    void commit_until_closed();
    void commit(std::vector<Waiting> waiting);
    // These run in the committing thread.
    Result<Partition*> partition(const std::string& topic, int number);
    Result<Topic*> loaded(const std::string& topic);
    void sync_all();
    Result<std::int64_t> retain_all();
    Status close_partitions();
    // Runs there, and waits for it.
    Status on_committer(std::function<Status()> job);
    std::int64_t now_ms() const { return to_unix_millis(clock_->now()); }

    // Constant after construction.
    const fs::path folder_;
    const LogOptions options_;
    const SystemClock system_clock_;
    const Clock* const clock_;
    FileHandle lock_;

    // Of the committing thread.
    std::map<std::string, Topic> topics_;

    // Guarded by mutex_.
    std::mutex mutex_;
    std::condition_variable work_, room_;
    std::vector<Waiting> queue_;
    std::vector<std::function<void()>> jobs_;
    std::size_t queued_bytes_ = 0;
    bool closing_ = false;

    std::thread committer_;
    Status closed_;
};

// The process that owns a log, as it wrote itself down; "" where nobody does.
std::string owner_of(const fs::path& log);

}  // namespace weir::source::log

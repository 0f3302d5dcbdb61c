#include "source/log/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <future>

#include "base/limits.h"

namespace weir::source::log {
namespace {

fs::path lock_path(const fs::path& log) { return log / "lock"; }

Result<FileHandle> take_lock(const fs::path& log) {
    const auto path = lock_path(log);
    FileHandle file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (!file.open()) return io_error("open", path, errno);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return io_error("lock", path, errno);
        const auto owner = read_file(path, 64);
        return Error{.code = ErrorCode::log_locked,
                     .message = fmt::format("another process ({}) owns the log {}",
                                            owner && !owner->empty() ? *owner : "number unknown", log.string()),
                     .hint =
                         "publish through it with `weir produce`, or wait for it to end; reading is possible "
                         "meanwhile"};
    }
    // Only for the message above; the lock itself is the kernel's.
    const auto pid = std::to_string(::getpid());
    if (::ftruncate(file.get(), 0) != 0 || ::pwrite(file.get(), pid.data(), pid.size(), 0) < 0)
        return io_error("write", path, errno);
    return file;
}

Error closed_error(const fs::path& folder) {
    return {.code = ErrorCode::interrupted, .message = fmt::format("the log {} is being closed", folder.string())};
}

}  // namespace

std::string owner_of(const fs::path& log) {
    const auto path = lock_path(log);
    const FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.open()) return "";
    if (::flock(file.get(), LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK) return "";
    const auto owner = read_file(path, 64);
    return owner && !owner->empty() ? *owner : "number unknown";
}

LogOptions options_of(const declare::LogPlace& place) {
    LogOptions options{.sync_interval = place.sync_interval};
    switch (place.sync) {
        case declare::LogPlace::Sync::always: options.sync = Sync::always; break;
        case declare::LogPlace::Sync::interval: options.sync = Sync::interval; break;
        case declare::LogPlace::Sync::never: options.sync = Sync::never; break;
    }
    return options;
}

Result<std::unique_ptr<Log>> Log::open(const fs::path& folder, LogOptions options) {
    WEIR_TRY(make_log(folder));
    WEIR_ASSIGN(auto lock, take_lock(folder));
    // A topic whose removal was interrupted.
    std::error_code error;
    for (fs::directory_iterator entry(folder / "topics", error), end; !error && entry != end; entry.increment(error)) {
        std::error_code ignored;
        if (entry->path().filename().string().front() == '.') fs::remove_all(entry->path(), ignored);
    }
    return std::unique_ptr<Log>(new Log(folder, std::move(options), std::move(lock)));
}

Log::Log(fs::path folder, LogOptions options, FileHandle lock)
    : folder_(std::move(folder)),
      options_(std::move(options)),
      clock_(options_.clock != nullptr ? options_.clock : &system_clock_),
      lock_(std::move(lock)),
      committer_([this] { commit_until_closed(); }) {}

Log::~Log() {
    const auto ignored = close();
    static_cast<void>(ignored);
}

Status Log::close() {
    {
        const std::lock_guard hold(mutex_);
        closing_ = true;
        work_.notify_all();
        room_.notify_all();
    }
    if (committer_.joinable()) committer_.join();
    lock_ = FileHandle();
    return closed_;
}

Status Log::on_committer(std::function<Status()> job) {
    std::promise<Status> outcome;
    auto answer = outcome.get_future();
    {
        const std::lock_guard hold(mutex_);
        if (closing_) return closed_error(folder_);
        jobs_.push_back([&] { outcome.set_value(job()); });
        work_.notify_one();
    }
    return answer.get();
}

Status Log::create_topic(const std::string& name, const TopicConfig& config) {
    WEIR_TRY(check_topic_name(name));
    WEIR_TRY(check_config(config));
    return on_committer([&]() -> Status {
        const auto folder = topic_folder(folder_, name);
        WEIR_TRY(make_directories(folder));
        auto made = config;
        made.id = new_topic_id();
        auto written = write_file_if_absent(folder / "topic.json", to_json(made));
        if (written) return sync_directory(folder_ / "topics");
        if (written.error().code != ErrorCode::table_conflict) return written;
        WEIR_ASSIGN(const auto* there, loaded(name));
        if (there->config == config) return ok();
        return Error{
            .code = ErrorCode::refused,
            .message = fmt::format("topic {} exists with another configuration: {}", name, to_json(there->config)),
            .hint = "delete it first, or use it as it is"};
    });
}

Status Log::delete_topic(const std::string& name) {
    return on_committer([&]() -> Status {
        WEIR_ASSIGN(auto* there, loaded(name));
        const auto maintenance = there->maintenance;
        const std::lock_guard hold(*maintenance);
        topics_.erase(name);
        const auto folder = topic_folder(folder_, name);
        // Renamed at once, so that a crash leaves the whole topic or none.
        const auto doomed = folder.parent_path() / fmt::format(".{}.deleted-{}", name, now_ms());
        if (::rename(folder.c_str(), doomed.c_str()) != 0) return io_error("remove", folder, errno);
        WEIR_TRY(sync_directory(folder.parent_path()));
        std::error_code error;
        fs::remove_all(doomed, error);
        return error ? io_error("remove", doomed, error.value()) : ok();
    });
}

Result<TopicConfig> Log::topic(const std::string& name) { return load_topic(folder_, name); }

void Log::append(AppendRequest request, Done done) {
    const auto bytes = request.batch.payload.size() + batch_header_bytes;
    std::unique_lock hold(mutex_);
    room_.wait(hold, [&] { return closing_ || queued_bytes_ < limits::log_queue_bytes_max; });
    if (closing_) {
        hold.unlock();
        done(closed_error(folder_));
        return;
    }
    queued_bytes_ += bytes;
    queue_.push_back({std::move(request), std::move(done)});
    work_.notify_one();
}

Result<Appended> Log::append(AppendRequest request) {
    std::promise<Result<Appended>> outcome;
    auto answer = outcome.get_future();
    append(std::move(request), [&](Result<Appended> appended) { outcome.set_value(std::move(appended)); });
    return answer.get();
}

Result<std::int64_t> Log::retain() {
    std::int64_t bytes = 0;
    const auto retained = on_committer([&]() -> Status {
        WEIR_ASSIGN(bytes, retain_all());
        return ok();
    });
    if (!retained) return retained.error();
    return bytes;
}

Result<Compacted> Log::compact(const std::string& topic) {
    TopicConfig config;
    std::shared_ptr<std::mutex> maintenance;
    const auto prepared = on_committer([&]() -> Status {
        WEIR_ASSIGN(auto* there, loaded(topic));
        config = there->config;
        maintenance = there->maintenance;
        // Also what was just written shall be looked at.
        for (int number = 0; number < config.partitions; ++number) {
            WEIR_ASSIGN(auto* part, partition(topic, number));
            WEIR_TRY(part->roll(now_ms()));
        }
        return ok();
    });
    if (!prepared) return prepared.error();
    const std::lock_guard hold(*maintenance);
    Compacted total;
    for (int number = 0; number < config.partitions; ++number) {
        WEIR_ASSIGN(const auto compacted, compact_partition(partition_folder(folder_, topic, number), config, now_ms(),
                                                            options_.sync != Sync::never));
        total += compacted;
    }
    return total;
}

void Log::commit_until_closed() {
    auto synced = std::chrono::steady_clock::now(), retained = synced;
    for (;;) {
        std::vector<Waiting> waiting;
        std::vector<std::function<void()>> jobs;
        bool closing = false;
        {
            std::unique_lock hold(mutex_);
            const auto pause = options_.sync == Sync::interval ? options_.sync_interval : options_.retain_every;
            work_.wait_for(hold, pause, [&] { return closing_ || !queue_.empty() || !jobs_.empty(); });
            waiting.swap(queue_);
            jobs.swap(jobs_);
            queued_bytes_ = 0;
            closing = closing_;
            room_.notify_all();
        }
        commit(std::move(waiting));
        for (const auto& job : jobs) job();
        const auto now = std::chrono::steady_clock::now();
        if (options_.sync == Sync::interval && now - synced >= options_.sync_interval) {
            sync_all();
            synced = now;
        }
        if (now - retained >= options_.retain_every) {
            if (const auto outcome = retain_all(); !outcome && options_.note) options_.note(to_string(outcome.error()));
            retained = now;
        }
        if (!closing) continue;
        const std::lock_guard hold(mutex_);
        // Nothing is added once closing_ is set, and what was is done.
        if (queue_.empty() && jobs_.empty()) break;
    }
    closed_ = close_partitions();
}

void Log::commit(std::vector<Waiting> waiting) {
    if (waiting.empty()) return;
    struct Group {
        std::vector<Partition::Item> items;
        std::vector<std::size_t> places;
    };
    std::vector<Result<Appended>> outcomes(waiting.size(), Appended{});
    std::map<Partition*, Group> groups;
    for (std::size_t i = 0; i < waiting.size(); ++i) {
        auto& request = waiting[i].request;
        auto part = partition(request.topic, request.partition);
        if (!part) {
            outcomes[i] = part.error();
        } else if (const auto topic = loaded(request.topic);
                   topic && (*topic)->config.compact && !request.batch.all_keyed) {
            outcomes[i] =
                Error{.code = ErrorCode::refused,
                      .message = fmt::format("topic {} is compacted by key, and a record has none", request.topic),
                      .hint = "give every record a key (`weir produce --key`)"};
        } else {
            auto& group = groups[*part];
            group.items.push_back({&request.batch, request.producer, request.sequence});
            group.places.push_back(i);
        }
    }
    const auto now = now_ms();
    for (auto& [part, group] : groups) {
        std::vector<Partition::Item*> items;
        items.reserve(group.items.size());
        for (auto& item : group.items) items.push_back(&item);
        part->write(items, now);
    }
    for (auto& [part, group] : groups) {
        Status synced = options_.sync == Sync::always ? part->sync() : ok();
        if (synced) part->publish();
        for (std::size_t i = 0; i < group.items.size(); ++i) {
            auto& item = group.items[i];
            auto& outcome = outcomes[group.places[i]];
            if (!item.offset) {
                outcome = std::move(item.offset).error();
            } else if (!synced) {
                outcome = synced.error();
            } else {
                outcome = Appended{*item.offset, item.duplicate};
            }
        }
    }
    for (std::size_t i = 0; i < waiting.size(); ++i) waiting[i].done(std::move(outcomes[i]));
    // The next append opens them again.
    for (auto& [name, topic] : topics_)
        std::erase_if(topic.partitions, [](const auto& entry) { return entry.second.failed(); });
}

Result<Log::Topic*> Log::loaded(const std::string& name) {
    const auto found = topics_.find(name);
    if (found != topics_.end()) return &found->second;
    WEIR_ASSIGN(const auto config, load_topic(folder_, name));
    return &topics_.emplace(name, Topic{config, {}}).first->second;
}

Result<Partition*> Log::partition(const std::string& name, int number) {
    WEIR_ASSIGN(auto* topic, loaded(name));
    if (number < 0 || number >= topic->config.partitions)
        return Error{.code = ErrorCode::usage,
                     .message = fmt::format("topic {} has no partition {}", name, number),
                     .hint = fmt::format("0 to {}", topic->config.partitions - 1)};
    const auto found = topic->partitions.find(number);
    if (found != topic->partitions.end()) return &found->second;
    std::vector<std::string> notes;
    auto opened =
        Partition::open(partition_folder(folder_, name, number), topic->config, options_.sync, now_ms(), notes);
    if (options_.note)
        for (const auto& note : notes) options_.note(note);
    if (!opened) return std::move(opened).error();
    return &topic->partitions.emplace(number, std::move(*opened)).first->second;
}

void Log::sync_all() {
    for (auto& [name, topic] : topics_) {
        for (auto& [number, part] : topic.partitions) {
            if (!part.unsynced()) continue;
            if (const auto synced = part.sync(); !synced && options_.note) options_.note(to_string(synced.error()));
        }
    }
}

Result<std::int64_t> Log::retain_all() {
    std::int64_t bytes = 0;
    WEIR_ASSIGN(const auto names, list_topics(folder_));
    for (const auto& name : names) {
        WEIR_ASSIGN(auto* topic, loaded(name));
        if (!topic->config.retention_ms && !topic->config.retention_bytes) continue;
        // A compaction is under way: next time.
        const std::unique_lock hold(*topic->maintenance, std::try_to_lock);
        if (!hold.owns_lock()) continue;
        for (int number = 0; number < topic->config.partitions; ++number) {
            WEIR_ASSIGN(auto* part, partition(name, number));
            WEIR_ASSIGN(const auto removed, part->retain(now_ms()));
            bytes += removed;
        }
    }
    return bytes;
}

Status Log::close_partitions() {
    Status first;
    for (auto& [name, topic] : topics_)
        for (auto& [number, part] : topic.partitions)
            if (auto closed = part.close(); !closed && first) first = std::move(closed);
    topics_.clear();
    return first;
}

}  // namespace weir::source::log

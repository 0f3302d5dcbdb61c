// Publishing to a log, whoever owns it: this process if it can, else through the owner's socket.
#pragma once

#include <memory>

#include "source/log/log.h"

namespace weir::source::log {

// Driven by one thread.
class Publisher {
public:
    virtual ~Publisher() = default;
    // Puts an append on its way; answer() gives the outcomes in the order of the sends.
    virtual Status send(AppendRequest request) = 0;
    virtual Result<Appended> answer() = 0;
    // The owner that we spoke to has gone: what was not answered may have been appended or not. Open another publisher
    // and send it again, with the same producer and sequence.
    virtual bool lost() const = 0;

    virtual Status create_topic(const std::string& name, const TopicConfig& config) = 0;
    virtual Status delete_topic(const std::string& name) = 0;
    virtual Result<Compacted> compact(const std::string& topic) = 0;
    virtual Result<std::int64_t> retain() = 0;
    // Ends; as the owner, syncs and lets go of the log.
    virtual Status close() = 0;
};

// Becomes the log's owner, and lets others publish, or finds the owner. Waits a little for one that is starting or
// ending; then fails with log_locked.
Result<std::unique_ptr<Publisher>> open_publisher(const fs::path& log, const LogOptions& options);

}  // namespace weir::source::log

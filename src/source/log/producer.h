// Records into a topic: spread over its partitions as Kafka's clients do, batched, sent again where an owner was lost.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "source/log/publisher.h"

namespace weir::source::log {

struct Produced {
    std::int64_t records = 0;
    std::int64_t bytes = 0;  // of the batches as they are stored
};

// Driven by one thread. Every record is appended once, also where the process that owns the log dies on the way; only
// if this process dies itself, it is not known how far it came.
class Producer {
public:
    // The topic must exist.
    static Result<Producer> open(const fs::path& log, const std::string& topic, const LogOptions& options);

    // Its partition: by the key as Kafka's default partitioner, without a key one for a batch and then the next.
    Status add(std::int64_t timestamp, std::optional<std::string_view> key, std::optional<std::string_view> value,
               std::span<const RecordHeader> headers = {});
    // Everything that was added is durable by the owner's policy. Where the owner could not append something, nothing
    // more is sent, and all calls from then on fail as that one did.
    Status flush();
    // Flushes, and lets go of the log.
    Status close();
    const Produced& produced() const { return produced_; }

private:
    struct OnTheWay {
        int partition;
        std::int64_t sequence;
        EncodedBatch batch;
    };
    Producer(fs::path log, std::string topic, const TopicConfig& config, LogOptions options,
             std::unique_ptr<Publisher> publisher);
    Status send(int partition);
    Status put(const OnTheWay& append);
    // Waits for the oldest answer.
    Status settle();
    Status find_owner_again(Error error);

    fs::path log_;
    std::string topic_;
    TopicConfig config_;
    LogOptions options_;
    std::unique_ptr<Publisher> publisher_;
    std::int64_t number_;
    std::vector<BatchBuilder> builders_;
    std::vector<std::int64_t> sequences_;
    std::vector<std::size_t> unanswered_;  // by partition
    std::deque<OnTheWay> on_the_way_;
    std::optional<Error> failed_;
    int sticky_ = 0;
    int losses_ = 0;  // since the last answer
    Produced produced_;
};

}  // namespace weir::source::log

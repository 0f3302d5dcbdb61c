// Where a command's records go: topics of the log, or of Kafka.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cli/log_place.h"
#include "source/log/batch.h"

namespace weir::cli {

// Driven by one thread.
class TopicWriter {
public:
    virtual ~TopicWriter() = default;
    // The number of partitions; the topic is made where it is not there. Fails with refused where it has another number
    // than is asked for.
    virtual Result<int> find_or_make(const std::string& topic) = 0;
    // Whether every record of the topic has to have a key.
    virtual Result<bool> needs_keys(const std::string& topic) = 0;
    using Headers = std::span<const source::log::RecordHeader>;
    // After find_or_make().
    virtual Status add(const std::string& topic, std::int64_t timestamp, std::optional<std::string_view> key,
                       std::optional<std::string_view> value, Headers headers = {}) = 0;
    // Everything is where it is durable.
    virtual Status flush() = 0;
    // The same, for the last time; then records() and bytes() say how much it was.
    virtual Status close() = 0;
    virtual std::int64_t records() const = 0;
    virtual std::int64_t bytes() const = 0;
    virtual std::string place() const = 0;  // "the log", "Kafka"
};

// --kafka chooses. What topic_options() say holds for new topics.
Result<std::unique_ptr<TopicWriter>> open_topic_writer(const Invocation& invocation, Terminal& terminal);

}  // namespace weir::cli

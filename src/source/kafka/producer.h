// Records into topics of Kafka, each once however often a broker is lost on the way.
#pragma once

#include <atomic>
#include <optional>
#include <span>
#include <string_view>

#include "source/kafka/client.h"

namespace weir::source::kafka {

// Driven by one thread.
class Producer {
public:
    static Result<std::unique_ptr<Producer>> open(const declare::KafkaCluster& cluster,
                                                  const std::filesystem::path& root);
    ~Producer();

    // Its partition: by the key as Kafka's own clients choose it (murmur2), without a key any. Waits while too much is
    // on the way.
    Status add(const std::string& topic, std::int64_t timestamp, std::optional<std::string_view> key,
               std::optional<std::string_view> value, std::span<const log::RecordHeader> headers = {});
    // All brokers that have to have what was added have it; else the first error.
    Status flush();

    std::int64_t delivered() const { return delivered_; }
    std::int64_t bytes() const { return bytes_; }  // of keys and values that were delivered

private:
    explicit Producer(std::string brokers) : told_(std::move(brokers)) {}
    Result<rd_kafka_topic_t*> handle(const std::string& topic);
    Status failed() const;

    Told told_;
    Client client_;
    std::map<std::string, Topic> topics_;
    std::int64_t delivered_ = 0, bytes_ = 0;
    std::optional<Error> refused_;  // the first record that was not taken
    std::int64_t added_ = 0;
};

}  // namespace weir::source::kafka

// A client of Apache Kafka: settings, handles that close themselves, and what librdkafka's errors mean to us.
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "declare/project.h"
#include "source/log/batch.h"

namespace weir::source::kafka {

struct Free {
    void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
    void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
    void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
    void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
    void operator()(const rd_kafka_metadata_t* metadata) const { rd_kafka_metadata_destroy(metadata); }
    void operator()(rd_kafka_headers_t* headers) const { rd_kafka_headers_destroy(headers); }
};
using Conf = std::unique_ptr<rd_kafka_conf_t, Free>;
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, Free>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Free>;
using Topic = std::unique_ptr<rd_kafka_topic_t, Free>;
using Metadata = std::unique_ptr<const rd_kafka_metadata_t, Free>;

// librdkafka's settings for a cluster, secrets read. Fails with secret_missing.
using Settings = std::map<std::string, std::string>;
Result<Settings> settings_of(const declare::KafkaCluster& cluster, const std::filesystem::path& root);

// Views of the message's own memory.
std::vector<log::RecordHeader> headers_of(const rd_kafka_message_t& message);

enum class Trouble {
    passing,       // brokers not there, leaders being elected: librdkafka tries again by itself
    no_topic,      // nobody has made it yet, or it was deleted
    offsets_gone,  // the position is not in the partition
    not_admitted,  // name, password, certificate or permission
    lasting,       // anything else that trying again does not mend
};
Trouble trouble_of(rd_kafka_resp_err_t error);

// What to tell of it, for a client of `brokers`.
Error to_error(rd_kafka_resp_err_t error, const std::string& reason, const std::string& brokers);

// What librdkafka told of a client last, beside the answers to calls. Safe from any thread.
class Told {
public:
    explicit Told(std::string brokers) : brokers_(std::move(brokers)) {}
    void tell(rd_kafka_resp_err_t error, const std::string& reason);
    // What may pass and does not end the client; gone when an answer came.
    std::optional<Error> obstacle() const;
    void answered();
    // What ends it.
    std::optional<Error> failure() const;
    const std::string& brokers() const { return brokers_; }

    // Where Client::make() is told to set them: run by the thread that polls, and set before.
    std::function<void(rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*)> on_rebalance;
    std::function<void(const rd_kafka_message_t&)> on_delivery;

private:
    const std::string brokers_;
    mutable std::mutex mutex_;
    std::string last_reason_;
    std::optional<Error> obstacle_, failure_;
};

// A client with these settings; `told` hears of its errors, and of what it has callbacks for, and outlives it.
class Client {
public:
    Client() = default;
    static Result<Client> make(rd_kafka_type_t type, const Settings& settings, Told& told);
    Client(Client&& other) noexcept : client_(std::exchange(other.client_, nullptr)) {}
    Client& operator=(Client&& other) noexcept {
        std::swap(client_, other.client_);
        return *this;
    }
    ~Client();
    rd_kafka_t* get() const { return client_; }

private:
    rd_kafka_t* client_ = nullptr;
};

// The partitions of a topic, looked up for up to `patience` and until somebody asks us to stop. Fails with not_found
// where there is no such topic, io_failed where no broker answers.
Result<int> count_partitions(const Client& client, const std::string& topic, Told& told,
                             std::chrono::milliseconds patience);
// The topics and their partitions, without Kafka's own.
Result<std::map<std::string, int>> list_topics(const Client& client, Told& told, std::chrono::milliseconds patience);
// The oldest offset and the one behind the newest record that committed transactions let be read.
Result<std::pair<std::int64_t, std::int64_t>> watermarks(const Client& client, const std::string& topic, int partition,
                                                         const Told& told);
// The id of the cluster.
Result<std::string> cluster_id(const Client& client, Told& told);

inline constexpr std::chrono::milliseconds patience_to_connect{10'000};

}  // namespace weir::source::kafka

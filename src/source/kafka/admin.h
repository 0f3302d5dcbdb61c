// Topics of a Kafka cluster: made, looked at, removed.
#pragma once

#include "source/kafka/client.h"

namespace weir::source::kafka {

class Admin {
public:
    // Errors come with the first question.
    static Result<std::unique_ptr<Admin>> open(const declare::KafkaCluster& cluster, const std::filesystem::path& root);

    // Names and numbers of partitions, without Kafka's own.
    Result<std::map<std::string, int>> topics();
    // Fails with not_found.
    Result<int> partitions(const std::string& topic);
    // The oldest offset and the end, of each partition.
    Result<std::vector<std::pair<std::int64_t, std::int64_t>>> marks(const std::string& topic);
    // `settings` as Kafka names them, "retention.ms". Fails with refused where there is such a topic.
    Status create(const std::string& topic, int partitions, const std::map<std::string, std::string>& settings);
    // Fails with not_found.
    Status remove(const std::string& topic);

private:
    explicit Admin(std::string brokers) : told_(std::move(brokers)) {}
    // Runs an admin request; `send` is given its options and the queue of its answer.
    Status ask(rd_kafka_admin_op_t what, const std::string& topic,
               const std::function<void(rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>& send,
               const std::function<const rd_kafka_topic_result_t**(rd_kafka_event_t*, std::size_t*)>& results);

    Told told_;
    Client client_;
};

}  // namespace weir::source::kafka

#include "source/kafka/admin.h"

#include <fmt/format.h>

#include <array>

namespace weir::source::kafka {

Result<std::unique_ptr<Admin>> Admin::open(const declare::KafkaCluster& cluster, const std::filesystem::path& root) {
    std::unique_ptr<Admin> made(new Admin(cluster.brokers));
    WEIR_ASSIGN(auto settings, settings_of(cluster, root));
    settings["isolation.level"] = "read_committed";
    settings["group.id"] = "weir";
    WEIR_ASSIGN(made->client_, Client::make(RD_KAFKA_CONSUMER, settings, made->told_));
    return made;
}

Result<std::map<std::string, int>> Admin::topics() { return list_topics(client_, told_, patience_to_connect); }

Result<int> Admin::partitions(const std::string& topic) {
    return count_partitions(client_, topic, told_, patience_to_connect);
}

Result<std::vector<std::pair<std::int64_t, std::int64_t>>> Admin::marks(const std::string& topic) {
    WEIR_ASSIGN(const auto count, partitions(topic));
    std::vector<std::pair<std::int64_t, std::int64_t>> all;
    for (int partition = 0; partition < count; ++partition) {
        WEIR_ASSIGN(const auto marks, watermarks(client_, topic, partition, told_));
        all.push_back(marks);
    }
    return all;
}

Status Admin::ask(rd_kafka_admin_op_t what, const std::string& topic,
                  const std::function<void(rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>& send,
                  const std::function<const rd_kafka_topic_result_t**(rd_kafka_event_t*, std::size_t*)>& results) {
    // So that brokers that are not there are told as such.
    WEIR_TRY(topics());
    const Queue queue(rd_kafka_queue_new(client_.get()));
    std::array<char, 256> problem{};
    const std::unique_ptr<rd_kafka_AdminOptions_t, decltype(&rd_kafka_AdminOptions_destroy)> options(
        rd_kafka_AdminOptions_new(client_.get(), what), rd_kafka_AdminOptions_destroy);
    constexpr int timeout_ms = 30'000;
    rd_kafka_AdminOptions_set_operation_timeout(options.get(), timeout_ms / 2, problem.data(), problem.size());
    send(options.get(), queue.get());
    const std::unique_ptr<rd_kafka_event_t, decltype(&rd_kafka_event_destroy)> event(
        rd_kafka_queue_poll(queue.get(), timeout_ms), rd_kafka_event_destroy);
    if (!event) return to_error(RD_KAFKA_RESP_ERR__TIMED_OUT, "no answer", told_.brokers());
    if (const auto error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return to_error(error, rd_kafka_event_error_string(event.get()), told_.brokers());
    std::size_t count = 0;
    const auto* answers = results(event.get(), &count);
    if (count == 0) return ok();
    const auto error = rd_kafka_topic_result_error(answers[0]);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return ok();
    if (trouble_of(error) == Trouble::no_topic)
        return Error{.code = ErrorCode::not_found,
                     .message = fmt::format("Kafka at {} has no topic '{}'", told_.brokers(), topic)};
    const char* text = rd_kafka_topic_result_error_string(answers[0]);
    auto told = to_error(error, text == nullptr ? "" : text, told_.brokers());
    told.code = ErrorCode::refused;
    told.hint.clear();
    return told;
}

Status Admin::create(const std::string& topic, int partitions, const std::map<std::string, std::string>& settings) {
    std::array<char, 256> problem{};
    constexpr int replicas_by_default = -1;
    rd_kafka_NewTopic_t* wanted =
        rd_kafka_NewTopic_new(topic.c_str(), partitions, replicas_by_default, problem.data(), problem.size());
    if (wanted == nullptr)
        return Error{.code = ErrorCode::usage, .message = fmt::format("topic '{}': {}", topic, problem.data())};
    const std::unique_ptr<rd_kafka_NewTopic_t, decltype(&rd_kafka_NewTopic_destroy)> guard(wanted,
                                                                                           rd_kafka_NewTopic_destroy);
    for (const auto& [name, value] : settings) rd_kafka_NewTopic_set_config(wanted, name.c_str(), value.c_str());
    return ask(
        RD_KAFKA_ADMIN_OP_CREATETOPICS, topic,
        [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
            rd_kafka_CreateTopics(client_.get(), &wanted, 1, options, queue);
        },
        [](rd_kafka_event_t* event, std::size_t* count) {
            return rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), count);
        });
}

Status Admin::remove(const std::string& topic) {
    const std::unique_ptr<rd_kafka_DeleteTopic_t, decltype(&rd_kafka_DeleteTopic_destroy)> wanted(
        rd_kafka_DeleteTopic_new(topic.c_str()), rd_kafka_DeleteTopic_destroy);
    auto* one = wanted.get();
    return ask(
        RD_KAFKA_ADMIN_OP_DELETETOPICS, topic,
        [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
            rd_kafka_DeleteTopics(client_.get(), &one, 1, options, queue);
        },
        [](rd_kafka_event_t* event, std::size_t* count) {
            return rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), count);
        });
}

}  // namespace weir::source::kafka

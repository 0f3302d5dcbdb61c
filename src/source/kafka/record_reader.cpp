#include "source/kafka/record_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace weir::source::kafka {

Result<std::unique_ptr<RecordReader>> RecordReader::open(const declare::KafkaCluster& cluster,
                                                         const std::filesystem::path& root, const std::string& topic) {
    std::unique_ptr<RecordReader> made(new RecordReader(topic, cluster.brokers));
    WEIR_ASSIGN(auto settings, settings_of(cluster, root));
    settings["group.id"] = "weir";
    settings["enable.auto.commit"] = "false";
    settings["auto.offset.reset"] = "error";
    settings["isolation.level"] = "read_committed";
    settings["enable.partition.eof"] = "true";
    WEIR_ASSIGN(made->client_, Client::make(RD_KAFKA_CONSUMER, settings, made->told_));
    rd_kafka_poll_set_consumer(made->client_.get());
    made->queue_.reset(rd_kafka_queue_get_consumer(made->client_.get()));
    WEIR_ASSIGN(made->partitions_, count_partitions(made->client_, topic, made->told_, patience_to_connect));
    return made;
}

RecordReader::~RecordReader() { queue_.reset(); }

Result<std::pair<std::int64_t, std::int64_t>> RecordReader::marks(int partition) {
    return watermarks(client_, topic_, partition, told_);
}

Result<std::int64_t> RecordReader::offset_at(int partition, std::int64_t timestamp_ms) {
    const PartitionList list(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), partition)->offset = timestamp_ms;
    const auto error =
        rd_kafka_offsets_for_times(client_.get(), list.get(), static_cast<int>(patience_to_connect.count()));
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return to_error(error, "", told_.brokers());
    if (list->elems[0].offset >= 0) return list->elems[0].offset;
    WEIR_ASSIGN(const auto ends, marks(partition));
    return ends.second;
}

Status RecordReader::begin(const Positions& positions) {
    next_ = positions;
    const PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(positions.size())));
    for (const auto& [partition, offset] : positions)
        rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), partition)->offset = offset;
    const auto error = rd_kafka_assign(client_.get(), list.get());
    return error == RD_KAFKA_RESP_ERR_NO_ERROR ? ok() : Status(to_error(error, "", told_.brokers()));
}

Status RecordReader::next(const std::function<Result<bool>(const WholeRecord&)>& each) {
    constexpr int wait_ms = 100;
    std::array<rd_kafka_message_t*, 1000> messages{};
    const auto got = rd_kafka_consume_batch_queue(queue_.get(), wait_ms, messages.data(), messages.size());
    Status status;
    bool more = true;
    for (ssize_t i = 0; i < got; ++i) {
        auto* message = messages[static_cast<std::size_t>(i)];
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            at_end_.insert(message->partition);
        } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            if (trouble_of(message->err) != Trouble::passing && status)
                status =
                    to_error(message->err,
                             fmt::format("{}/{}: {}", topic_, message->partition, rd_kafka_message_errstr(message)),
                             told_.brokers());
        } else if (more && status) {
            at_end_.erase(message->partition);
            next_[message->partition] = message->offset + 1;
            WholeRecord whole{.partition = message->partition};
            whole.record.offset = message->offset;
            whole.record.timestamp = rd_kafka_message_timestamp(message, nullptr);
            if (message->key != nullptr) whole.record.key = {static_cast<const char*>(message->key), message->key_len};
            if (message->payload != nullptr)
                whole.record.value = {static_cast<const char*>(message->payload), message->len};
            whole.headers = headers_of(*message);
            auto taken = each(whole);
            if (!taken)
                status = std::move(taken).error();
            else
                more = *taken;
        }
        rd_kafka_message_destroy(message);
    }
    if (auto failure = told_.failure(); failure && status) status = std::move(*failure);
    return status;
}

bool RecordReader::at_end(const Positions& ends) const {
    return std::all_of(next_.begin(), next_.end(), [&](const auto& position) {
        return at_end_.contains(position.first) || position.second >= ends.at(position.first);
    });
}

}  // namespace weir::source::kafka

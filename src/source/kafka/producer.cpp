#include "source/kafka/producer.h"

#include <fmt/format.h>

#include <array>

#include "base/stop.h"

namespace weir::source::kafka {

Result<std::unique_ptr<Producer>> Producer::open(const declare::KafkaCluster& cluster,
                                                 const std::filesystem::path& root) {
    std::unique_ptr<Producer> made(new Producer(cluster.brokers));
    WEIR_ASSIGN(auto settings, settings_of(cluster, root));
    settings["enable.idempotence"] = "true";
    settings["compression.codec"] = "lz4";
    settings["linger.ms"] = "20";
    settings["batch.size"] = "1000000";
    settings["queue.buffering.max.messages"] = "500000";
    settings["queue.buffering.max.kbytes"] = "131072";
    settings["partitioner"] = "murmur2_random";
    made->told_.on_delivery = [producer = made.get()](const rd_kafka_message_t& message) {
        if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            ++producer->delivered_;
            producer->bytes_ += static_cast<std::int64_t>(message.len + message.key_len);
        } else if (!producer->refused_) {
            producer->refused_ = to_error(message.err, "", producer->told_.brokers());
        }
    };
    WEIR_ASSIGN(made->client_, Client::make(RD_KAFKA_PRODUCER, settings, made->told_));
    return made;
}

Producer::~Producer() {
    if (client_.get() == nullptr) return;
    // What flush() did not wait for is given up.
    rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_poll(client_.get(), 0);
    topics_.clear();
}

Result<rd_kafka_topic_t*> Producer::handle(const std::string& topic) {
    auto& known = topics_[topic];
    if (!known) known.reset(rd_kafka_topic_new(client_.get(), topic.c_str(), nullptr));
    if (!known) return to_error(rd_kafka_last_error(), "", told_.brokers());
    return known.get();
}

Status Producer::failed() const {
    if (refused_) return *refused_;
    if (auto failure = told_.failure()) return *failure;
    return ok();
}

Status Producer::add(const std::string& topic, std::int64_t timestamp, std::optional<std::string_view> key,
                     std::optional<std::string_view> value, std::span<const log::RecordHeader> headers) {
    WEIR_ASSIGN(auto* into, handle(topic));
    constexpr std::size_t without_headers = 5;
    std::vector<rd_kafka_vu_t> parts(without_headers + headers.size());
    parts[0].vtype = RD_KAFKA_VTYPE_RKT;
    parts[0].u.rkt = into;
    parts[1].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    parts[1].u.i = RD_KAFKA_MSG_F_COPY;
    const auto put = [](rd_kafka_vu_t& part, rd_kafka_vtype_t type, const std::optional<std::string_view>& bytes) {
        part.vtype = type;
        // The library does not change what it copies.
        part.u.mem.ptr = bytes ? const_cast<char*>(bytes->empty() ? "" : bytes->data()) : nullptr;
        part.u.mem.size = bytes ? bytes->size() : 0;
    };
    put(parts[2], RD_KAFKA_VTYPE_KEY, key);
    put(parts[3], RD_KAFKA_VTYPE_VALUE, value);
    parts[4].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    parts[4].u.i64 = timestamp;
    std::vector<std::string> names;
    names.reserve(headers.size());
    for (std::size_t i = 0; i < headers.size(); ++i) {
        auto& part = parts[without_headers + i];
        part.vtype = RD_KAFKA_VTYPE_HEADER;
        part.u.header.name = names.emplace_back(headers[i].name).c_str();
        part.u.header.val = headers[i].value ? headers[i].value->data() : nullptr;
        part.u.header.size = headers[i].value ? static_cast<ssize_t>(headers[i].value->size()) : 0;
    }
    constexpr std::int64_t records_between_looks = 4096;
    if (++added_ % records_between_looks == 0) {
        rd_kafka_poll(client_.get(), 0);
        WEIR_TRY(failed());
    }
    for (;;) {
        rd_kafka_error_t* refused = rd_kafka_produceva(client_.get(), parts.data(), parts.size());
        if (refused == nullptr) return ok();
        const auto error = rd_kafka_error_code(refused);
        rd_kafka_error_destroy(refused);
        if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            auto told = to_error(error, "", told_.brokers());
            if (error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) told.code = ErrorCode::refused;
            return told;
        }
        constexpr int wait_ms = 100;
        rd_kafka_poll(client_.get(), wait_ms);
        WEIR_TRY(failed());
        if (stop_requested())
            return Error{.code = ErrorCode::interrupted, .message = "stopped; what was delivered is in the topics"};
    }
}

Status Producer::flush() {
    constexpr int slice_ms = 200;
    while (rd_kafka_flush(client_.get(), slice_ms) == RD_KAFKA_RESP_ERR__TIMED_OUT) {
        WEIR_TRY(failed());
        if (!stop_requested()) continue;
        auto told = told_.obstacle().value_or(Error{.message = "records were on the way"});
        told.code = ErrorCode::interrupted;
        told.message = "stopped while " + std::to_string(rd_kafka_outq_len(client_.get())) +
                       " records were on the way: " + told.message;
        return told;
    }
    return failed();
}

}  // namespace weir::source::kafka

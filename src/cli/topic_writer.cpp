#include "cli/topic_writer.h"

#include <fmt/format.h>

#include <map>

#include "cli/kafka_place.h"
#include "source/kafka/producer.h"
#include "source/log/producer.h"

namespace weir::cli {
namespace {

namespace log = source::log;

Error other_partitions(const std::string& topic, int there) {
    return {.code = ErrorCode::refused,
            .message = fmt::format("topic {} has {} partition{}", topic, there, there == 1 ? "" : "s"),
            .hint = "leave out --partitions; the number of partitions stays, since keys belong to them"};
}

class LogTopics final : public TopicWriter {
public:
    LogTopics(LogPlace place, log::TopicConfig config, bool count_given)
        : place_(std::move(place)), config_(std::move(config)), count_given_(count_given) {}

    Result<int> find_or_make(const std::string& topic) override {
        WEIR_TRY(log::check_topic_name(topic));
        auto there = log::load_topic(place_.path, topic);
        if (!there && there.error().code != ErrorCode::not_found) return std::move(there).error();
        if (there && count_given_ && config_.partitions != there->partitions)
            return other_partitions(topic, there->partitions);
        if (!there) {
            WEIR_ASSIGN(auto publisher, log::open_publisher(place_.path, place_.options));
            WEIR_TRY(publisher->create_topic(topic, config_));
            WEIR_TRY(publisher->close());
        }
        if (!producers_.contains(topic)) {
            WEIR_ASSIGN(auto opened, log::Producer::open(place_.path, topic, place_.options));
            producers_.emplace(topic, std::move(opened));
        }
        return there ? there->partitions : config_.partitions;
    }
    Result<bool> needs_keys(const std::string& topic) override {
        WEIR_ASSIGN(const auto config, log::load_topic(place_.path, topic));
        return config.compact;
    }
    Status add(const std::string& topic, std::int64_t timestamp, std::optional<std::string_view> key,
               std::optional<std::string_view> value, Headers headers) override {
        return producers_.at(topic).add(timestamp, key, value, headers);
    }
    Status flush() override {
        Status status;
        for (auto& [name, producer] : producers_)
            if (auto flushed = producer.flush(); !flushed && status) status = std::move(flushed);
        return status;
    }
    Status close() override {
        // The last that was opened speaks through the socket of the first, which owns the log.
        auto status = flush();
        for (auto& [name, producer] : producers_) {
            if (auto closed = producer.close(); !closed && status) status = std::move(closed);
            records_ += producer.produced().records;
            bytes_ += producer.produced().bytes;
        }
        producers_.clear();
        return status;
    }
    std::int64_t records() const override { return records_; }
    std::int64_t bytes() const override { return bytes_; }
    std::string place() const override { return "the log"; }

private:
    LogPlace place_;
    log::TopicConfig config_;
    bool count_given_;
    std::map<std::string, log::Producer> producers_;
    std::int64_t records_ = 0, bytes_ = 0;
};

class KafkaTopics final : public TopicWriter {
public:
    static Result<std::unique_ptr<TopicWriter>> open(const KafkaPlace& place, log::TopicConfig config,
                                                     bool count_given) {
        WEIR_ASSIGN(auto admin, source::kafka::Admin::open(place.cluster, place.root));
        WEIR_ASSIGN(auto producer, source::kafka::Producer::open(place.cluster, place.root));
        return std::unique_ptr<TopicWriter>(
            new KafkaTopics(std::move(admin), std::move(producer), std::move(config), count_given));
    }

    Result<int> find_or_make(const std::string& topic) override {
        WEIR_TRY(log::check_topic_name(topic));
        auto there = admin_->partitions(topic);
        if (!there && there.error().code != ErrorCode::not_found) return there;
        if (!there) {
            WEIR_TRY(admin_->create(topic, config_.partitions, kafka_settings(config_)));
            return config_.partitions;
        }
        if (count_given_ && config_.partitions != *there) return other_partitions(topic, *there);
        return there;
    }
    // Kafka refuses such records itself.
    Result<bool> needs_keys(const std::string&) override { return false; }
    Status add(const std::string& topic, std::int64_t timestamp, std::optional<std::string_view> key,
               std::optional<std::string_view> value, Headers headers) override {
        return producer_->add(topic, timestamp, key, value, headers);
    }
    Status flush() override { return producer_->flush(); }
    Status close() override { return flush(); }
    std::int64_t records() const override { return producer_->delivered(); }
    std::int64_t bytes() const override { return producer_->bytes(); }
    std::string place() const override { return "Kafka"; }

private:
    KafkaTopics(std::unique_ptr<source::kafka::Admin> admin, std::unique_ptr<source::kafka::Producer> producer,
                log::TopicConfig config, bool count_given)
        : admin_(std::move(admin)),
          producer_(std::move(producer)),
          config_(std::move(config)),
          count_given_(count_given) {}

    std::unique_ptr<source::kafka::Admin> admin_;
    std::unique_ptr<source::kafka::Producer> producer_;
    log::TopicConfig config_;
    bool count_given_;
};

}  // namespace

Result<std::unique_ptr<TopicWriter>> open_topic_writer(const Invocation& invocation, Terminal& terminal) {
    WEIR_ASSIGN(const auto config, topic_config(invocation));
    const bool count_given = invocation.has("--partitions");
    if (on_kafka(invocation)) {
        WEIR_ASSIGN(const auto place, open_kafka_place(invocation, terminal));
        return KafkaTopics::open(place, config, count_given);
    }
    WEIR_ASSIGN(auto place, open_log_place(invocation, terminal));
    return std::unique_ptr<TopicWriter>(std::make_unique<LogTopics>(std::move(place), config, count_given));
}

}  // namespace weir::cli

#include "source/log/producer.h"

#include <random>

#include "base/limits.h"
#include "base/murmur2.h"

namespace weir::source::log {
namespace {

// An owner that dies again and again without answering anything has a reason that we cannot mend.
constexpr int losses_max = 5;

std::int64_t new_producer_number() {
    std::random_device random;
    const auto number = (static_cast<std::uint64_t>(random()) << 32) | random();
    return static_cast<std::int64_t>(number >> 1);
}

}  // namespace

Result<Producer> Producer::open(const fs::path& log, const std::string& topic, const LogOptions& options) {
    WEIR_ASSIGN(auto publisher, open_publisher(log, options));
    WEIR_ASSIGN(const auto config, load_topic(log, topic));
    return Producer(log, topic, config, options, std::move(publisher));
}

Producer::Producer(fs::path log, std::string topic, const TopicConfig& config, LogOptions options,
                   std::unique_ptr<Publisher> publisher)
    : log_(std::move(log)),
      topic_(std::move(topic)),
      config_(config),
      options_(std::move(options)),
      publisher_(std::move(publisher)),
      number_(new_producer_number()),
      builders_(static_cast<std::size_t>(config.partitions)),
      sequences_(builders_.size()),
      unanswered_(builders_.size()) {}

Status Producer::add(std::int64_t timestamp, std::optional<std::string_view> key, std::optional<std::string_view> value,
                     std::span<const RecordHeader> headers) {
    const int partition = key ? kafka_partition(*key, config_.partitions) : sticky_;
    auto& builder = builders_[static_cast<std::size_t>(partition)];
    std::size_t bytes = (key ? key->size() : 0) + (value ? value->size() : 0);
    for (const auto& header : headers) bytes += header.name.size() + (header.value ? header.value->size() : 0) + 32;
    if (!builder.fits(bytes)) WEIR_TRY(send(partition));
    WEIR_TRY(builder.add(timestamp, key, value, headers));
    if (builder.bytes() >= limits::log_batch_bytes_target) {
        WEIR_TRY(send(partition));
        if (!key) sticky_ = (sticky_ + 1) % config_.partitions;
    }
    return ok();
}

Status Producer::send(int partition) {
    const auto place = static_cast<std::size_t>(partition);
    if (failed_) return *failed_;
    if (builders_[place].empty()) return ok();
    // As many as the owner remembers: what is sent again is known again.
    while (unanswered_[place] >= limits::log_producer_batches) WEIR_TRY(settle());
    WEIR_ASSIGN(auto batch, builders_[place].finish(config_.codec));
    const auto records = batch.header.records;
    on_the_way_.push_back({partition, sequences_[place], std::move(batch)});
    sequences_[place] += records;
    ++unanswered_[place];
    auto sent = put(on_the_way_.back());
    if (!sent && publisher_->lost()) return find_owner_again(std::move(sent).error());
    return sent;
}

Status Producer::put(const OnTheWay& append) {
    return publisher_->send({.topic = topic_,
                             .partition = append.partition,
                             .batch = append.batch,
                             .producer = number_,
                             .sequence = append.sequence});
}

Status Producer::settle() {
    auto answer = publisher_->answer();
    if (!answer) {
        if (publisher_->lost()) return find_owner_again(std::move(answer).error());
        if (!failed_) failed_ = answer.error();
    }
    losses_ = 0;
    const auto oldest = std::move(on_the_way_.front());
    on_the_way_.pop_front();
    --unanswered_[static_cast<std::size_t>(oldest.partition)];
    if (!answer) return std::move(answer).error();
    produced_.records += oldest.batch.header.records;
    produced_.bytes += oldest.batch.header.bytes;
    return ok();
}

Status Producer::find_owner_again(Error error) {
    while (++losses_ <= losses_max) {
        publisher_.reset();
        auto found = open_publisher(log_, options_);
        if (!found) return std::move(found).error();
        publisher_ = std::move(*found);
        Status sent;
        for (const auto& append : on_the_way_) {
            sent = put(append);
            if (!sent) break;
        }
        if (sent) return ok();
        if (!publisher_->lost()) return sent;
    }
    return error;
}

Status Producer::flush() {
    for (int partition = 0; partition < config_.partitions; ++partition) WEIR_TRY(send(partition));
    while (!on_the_way_.empty()) WEIR_TRY(settle());
    return failed_ ? Status(*failed_) : ok();
}

Status Producer::close() {
    auto flushed = flush();
    auto closed = publisher_->close();
    return flushed ? closed : flushed;
}

}  // namespace weir::source::log

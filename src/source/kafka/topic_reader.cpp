#include "source/kafka/topic_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/stop.h"
#include "source/log/record_json.h"

namespace weir::source::kafka {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr std::size_t batch_messages = 4096;
constexpr auto look_every = 1s;
// A group that is being shared anew takes no positions; it is asked again after this time.
constexpr auto commit_again_after = 500ms;
// How long the end of reading waits for an answer of the group, each time it asks.
constexpr auto patience_at_the_end = 5s;
// A partition that is read alone gives something within this time, or its broker is not there.
constexpr auto patience_for_more = 30s;

PartitionList new_list(std::size_t size) {
    return PartitionList(rd_kafka_topic_partition_list_new(static_cast<int>(size)));
}

Result<std::string> checked_group(const ReaderOptions& options) {
    if (!options.group.empty()) return options.group;
    return Error{.code = ErrorCode::project_invalid,
                 .message = fmt::format("the topic '{}' is read in a group without a name", options.topic)};
}

}  // namespace

Result<std::unique_ptr<TopicReader>> TopicReader::open(ReaderOptions options) {
    std::unique_ptr<TopicReader> made(new TopicReader(std::move(options)));
    WEIR_TRY(made->connect());
    if (!made->options_.shared) WEIR_TRY(made->begin_alone());
    return made;
}

Status TopicReader::connect() {
    WEIR_ASSIGN(auto settings, settings_of(options_.cluster, options_.root));
    WEIR_ASSIGN(settings["group.id"], checked_group(options_));
    settings["enable.auto.commit"] = "false";
    settings["enable.auto.offset.store"] = "false";
    settings["auto.offset.reset"] = "error";
    settings["isolation.level"] = "read_committed";
    settings["enable.partition.eof"] = "true";
    settings["check.crcs"] = "true";
    settings["partition.assignment.strategy"] = "cooperative-sticky";
    // A member that died is missed after this time, and the others have its partitions.
    settings["session.timeout.ms"] = "10000";
    settings["topic.metadata.refresh.interval.ms"] = "10000";
    settings["reconnect.backoff.max.ms"] = "5000";
    // What waits in memory for us: enough that reading and landing overlap.
    settings["queued.max.messages.kbytes"] = "32768";
    settings["queued.min.messages"] = "1000000";
    settings["fetch.message.max.bytes"] = "4194304";
    if (options_.shared)
        told_.on_rebalance = [this](rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list) {
            rebalance(what, list);
        };
    WEIR_ASSIGN(client_, Client::make(RD_KAFKA_CONSUMER, settings, told_));
    rd_kafka_poll_set_consumer(client_.get());
    queue_.reset(rd_kafka_queue_get_consumer(client_.get()));
    commits_.reset(rd_kafka_queue_new(client_.get()));
    batch_.resize(batch_messages);
    if (!options_.shared) return ok();
    const auto topics = new_list(1);
    rd_kafka_topic_partition_list_add(topics.get(), options_.topic.c_str(), RD_KAFKA_PARTITION_UA);
    const auto error = rd_kafka_subscribe(client_.get(), topics.get());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return to_error(error, "", told_.brokers());
    return ok();
}

Status TopicReader::begin_alone() {
    WEIR_ASSIGN(const auto count, count_partitions(client_, options_.topic, told_, patience_to_connect));
    WEIR_ASSIGN(const auto id, cluster_id(client_, told_));
    origin_ = "kafka:" + id;
    WEIR_ASSIGN(const auto stored, options_.stored(origin_));
    for (int number = 0; number < count; ++number) {
        const auto known = stored.find(number);
        auto& partition = partitions_[number];
        if (known != stored.end()) {
            partition.next = known->second;
        } else {
            WEIR_ASSIGN(const auto marks, watermarks(client_, options_.topic, number, told_));
            partition.next = marks.first;
        }
    }
    return read_again();
}

TopicReader::~TopicReader() {
    if (client_.get() == nullptr) return;
    if (!told_.obstacle() && !told_.failure()) {
        const auto until = steady_clock::now() + patience_at_the_end;
        commit_landed();
        while ((committing_ || group_busy_) && steady_clock::now() < until) commit_landed(50ms);
    }
    // A group hears at once that we go; where nobody answers, it finds out by itself.
    if (options_.shared && !told_.obstacle() && !told_.failure()) {
        const Queue closing(rd_kafka_queue_new(client_.get()));
        failed_ = Error{.code = ErrorCode::interrupted, .message = "the reader is being closed"};
        if (rd_kafka_error_t* error = rd_kafka_consumer_close_queue(client_.get(), closing.get()); error != nullptr) {
            rd_kafka_error_destroy(error);
        } else {
            const auto until = steady_clock::now() + patience_at_the_end;
            while (rd_kafka_consumer_closed(client_.get()) == 0 && steady_clock::now() < until)
                rd_kafka_queue_poll_callback(closing.get(), 50);
        }
    }
    commits_.reset();
    queue_.reset();
}

std::string TopicReader::origin() const {
    const std::lock_guard lock(mutex_);
    return origin_;
}

Positions TopicReader::positions() const {
    Positions positions;
    for (const auto& [number, partition] : partitions_) positions[number] = std::max<std::int64_t>(0, partition.next);
    return positions;
}

Result<Positions> TopicReader::ends() {
    Positions ends;
    for (const auto& [number, partition] : partitions_) {
        WEIR_ASSIGN(const auto marks, watermarks(client_, options_.topic, number, told_));
        ends[number] = marks.second;
    }
    return ends;
}

Result<std::map<int, std::int64_t>> TopicReader::lags() {
    std::map<int, std::int64_t> lags;
    for (const auto& [number, partition] : partitions_) {
        std::int64_t low = 0, high = 0;
        if (partition.at_end)
            lags[number] = 0;
        else if (partition.next >= 0 &&
                 rd_kafka_get_watermark_offsets(client_.get(), options_.topic.c_str(), number, &low, &high) ==
                     RD_KAFKA_RESP_ERR_NO_ERROR &&
                 high >= 0)
            lags[number] = std::max<std::int64_t>(0, high - partition.next);
    }
    return lags;
}

Status TopicReader::obstacle() const {
    const auto obstacle = told_.obstacle();
    return obstacle ? Status(*obstacle) : ok();
}

void TopicReader::landed(const Positions& positions) {
    const std::lock_guard lock(mutex_);
    for (const auto& [number, position] : positions) to_commit_[number] = position;
}

// For those who look at lags: nothing here rests on it, and only the end of reading waits for an answer.
void TopicReader::commit_landed(std::chrono::milliseconds wait) {
    rd_kafka_queue_poll_callback(commits_.get(), static_cast<int>(wait.count()));
    if (committing_ || steady_clock::now() < commit_after_) return;
    const auto list = new_list(partitions_.size());
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(to_commit_, [&](const auto& entry) { return !partitions_.contains(entry.first); });
        for (const auto& [number, position] : to_commit_)
            rd_kafka_topic_partition_list_add(list.get(), options_.topic.c_str(), number)->offset = position;
    }
    if (list->cnt == 0) return;
    const auto answered = [](rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* offsets,
                             void* reader) { static_cast<TopicReader*>(reader)->committed(error, offsets); };
    committing_ =
        rd_kafka_commit_queue(client_.get(), list.get(), commits_.get(), answered, this) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

void TopicReader::committed(rd_kafka_resp_err_t error, const rd_kafka_topic_partition_list_t* offsets) {
    committing_ = false;
    group_busy_ = error == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
    bool all = error == RD_KAFKA_RESP_ERR_NO_ERROR;
    const std::lock_guard lock(mutex_);
    for (int i = 0; error == RD_KAFKA_RESP_ERR_NO_ERROR && offsets != nullptr && i < offsets->cnt; ++i) {
        const auto& one = offsets->elems[i];
        all = all && one.err == RD_KAFKA_RESP_ERR_NO_ERROR;
        const auto found = to_commit_.find(one.partition);
        if (one.err == RD_KAFKA_RESP_ERR_NO_ERROR && found != to_commit_.end() && found->second == one.offset)
            to_commit_.erase(found);
    }
    if (!all) commit_after_ = steady_clock::now() + commit_again_after;
}

Status TopicReader::read_again() {
    const auto list = new_list(partitions_.size());
    for (auto& [number, partition] : partitions_) {
        partition.at_end = false;
        rd_kafka_topic_partition_list_add(list.get(), options_.topic.c_str(), number)->offset =
            partition.next >= 0 ? partition.next : RD_KAFKA_OFFSET_BEGINNING;
    }
    if (!options_.shared) {
        const auto error = rd_kafka_assign(client_.get(), list.get());
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return to_error(error, "", told_.brokers());
        return ok();
    }
    if (partitions_.empty()) return ok();
    auto* error = rd_kafka_incremental_unassign(client_.get(), list.get());
    if (error == nullptr) error = rd_kafka_incremental_assign(client_.get(), list.get());
    if (error == nullptr) return ok();
    auto failure = to_error(RD_KAFKA_RESP_ERR__TRANSPORT, rd_kafka_error_string(error), told_.brokers());
    rd_kafka_error_destroy(error);
    return failure;
}

Status TopicReader::rewind(const Positions& positions) {
    for (const auto& [number, position] : positions) {
        const auto found = partitions_.find(number);
        if (found != partitions_.end()) found->second.next = position;
    }
    failed_.reset();
    return read_again();
}

Status TopicReader::given(rd_kafka_topic_partition_list_t* list) {
    if (list->cnt == 0) return ok();
    WEIR_ASSIGN(auto id, cluster_id(client_, told_));
    const auto origin = "kafka:" + id;
    {
        const std::lock_guard lock(mutex_);
        origin_ = origin;
    }
    WEIR_ASSIGN(const auto stored, options_.stored(origin));
    Positions known_positions;
    for (int i = 0; i < list->cnt; ++i) {
        auto& one = list->elems[i];
        const auto known = stored.find(one.partition);
        one.offset = known == stored.end() ? RD_KAFKA_OFFSET_BEGINNING : known->second;
        partitions_[one.partition] = {.next = known == stored.end() ? -1 : known->second};
        if (known != stored.end()) known_positions.insert(*known);
    }
    // Whoever had them before may have ended between the landing and its commit.
    landed(known_positions);
    told_.answered();
    return ok();
}

// By the thread that takes.
void TopicReader::rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list) {
    rebalanced_ = true;
    rd_kafka_error_t* error = nullptr;
    if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        if (auto begun = given(list); !begun && !failed_) failed_ = std::move(begun).error();
        error = rd_kafka_incremental_assign(client_.get(), list);
    } else {
        // Where the group has given them to others already, there is nothing to wait for: the lake decides.
        if (rd_kafka_assignment_lost(client_.get()) == 0 && options_.settle && list->cnt > 0) options_.settle();
        for (int i = 0; i < list->cnt; ++i) {
            const auto found = partitions_.find(list->elems[i].partition);
            if (found == partitions_.end()) continue;
            lost_taken_ = lost_taken_ || found->second.taken >= 0;
            partitions_.erase(found);
        }
        error = rd_kafka_incremental_unassign(client_.get(), list);
    }
    if (error == nullptr) return;
    if (!failed_) failed_ = to_error(RD_KAFKA_RESP_ERR__TRANSPORT, rd_kafka_error_string(error), told_.brokers());
    rd_kafka_error_destroy(error);
}

bool TopicReader::all_read(const Positions* ends) const {
    return std::all_of(partitions_.begin(), partitions_.end(), [&](const auto& entry) {
        const auto& [number, partition] = entry;
        return partition.at_end || (ends != nullptr && partition.next >= ends->at(number));
    });
}

void TopicReader::throw_away(Stretch& stretch) {
    stretch = {};
    for (auto& [number, partition] : partitions_) {
        if (partition.taken >= 0) partition.next = partition.taken;
        partition.taken = -1;
    }
}

// Asks them while nothing comes: what stood in the way is over when one answers.
void TopicReader::look_for_brokers() {
    if (!told_.obstacle() || steady_clock::now() < looked_ + look_every) return;
    const auto counted = count_partitions(client_, options_.topic, told_, 1ms);
    if (!counted && counted.error().code == ErrorCode::not_found)
        told_.tell(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, counted.error().message);
    looked_ = steady_clock::now();
}

Status TopicReader::pass_gap(int number, Partition& partition, Stretch& stretch) {
    WEIR_ASSIGN(const auto marks, watermarks(client_, options_.topic, number, told_));
    const auto [low, high] = marks;
    const auto next = partition.next;
    // Told of a position that we have left.
    if (next < 0 || (next >= low && next <= high)) return ok();
    const bool behind = next > high;
    auto message = behind ? fmt::format("{}/{}: the records behind offset {} are gone: the topic ends at {}",
                                        options_.topic, number, next, high)
                          : fmt::format("{}/{}: the records from offset {} on are gone: the topic has {} to {}",
                                        options_.topic, number, next, low, high);
    if (options_.reset == declare::Reset::fail)
        return Error{.code = ErrorCode::offsets_gone,
                     .message = std::move(message),
                     .hint = behind ? "it was made anew, or lost its newest records; `reset: earliest` or `reset: "
                                      "latest` in the source's file begins with what it has now"
                                    : "retention removed them; `reset: earliest` or `reset: latest` in the source's "
                                      "file goes on without them"};
    if (partition.taken < 0) partition.taken = next;
    partition.next = options_.reset == declare::Reset::latest ? high : low;
    stretch.notes.push_back(fmt::format("{}; reading goes on at offset {}", message, partition.next));
    return ok();
}

bool TopicReader::take_message(const rd_kafka_message_t& message, StretchFiller& filler, Stretch& stretch,
                               const Positions* ends) {
    const auto found = message.rkt == nullptr ? partitions_.end() : partitions_.find(message.partition);
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        const auto trouble = trouble_of(message.err);
        const char* reason = rd_kafka_message_errstr(&message);
        if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            if (found == partitions_.end()) return true;
            auto& partition = found->second;
            partition.at_end = true;
            told_.answered();
            if (message.offset <= partition.next) return true;
            // Behind the last record there are marks of transactions.
            if (partition.taken < 0) partition.taken = partition.next < 0 ? message.offset : partition.next;
            partition.next = message.offset;
            return true;
        }
        if (trouble == Trouble::offsets_gone && found != partitions_.end()) {
            if (auto passed = pass_gap(message.partition, found->second, stretch); !passed) {
                failed_ = std::move(passed).error();
                return false;
            }
            if (auto again = read_again(); !again) failed_ = std::move(again).error();
            return !failed_;
        }
        told_.tell(message.err, reason == nullptr ? rd_kafka_err2str(message.err) : reason);
        if (auto failure = told_.failure()) failed_ = std::move(failure);
        return !failed_;
    }
    if (found == partitions_.end()) return true;
    auto& partition = found->second;
    // Read before, or behind where we are to stop.
    if (message.offset < partition.next) return true;
    if (ends != nullptr && message.offset >= ends->at(message.partition)) return true;
    TopicRecord record{.offset = message.offset, .timestamp = rd_kafka_message_timestamp(&message, nullptr)};
    if (message.key != nullptr) record.key = {static_cast<const char*>(message.key), message.key_len};
    if (message.payload != nullptr) record.value = {static_cast<const char*>(message.payload), message.len};
    std::string headers;
    if (const auto all = headers_of(message); !all.empty()) log::append_headers(all, headers);
    record.headers = headers;
    filler.add(message.partition, record);
    if (partition.taken < 0) partition.taken = partition.next < 0 ? message.offset : partition.next;
    partition.next = message.offset + 1;
    partition.at_end = false;
    return true;
}

Result<Stretch> TopicReader::take(const StretchBounds& bounds, const Positions* ends) {
    if (failed_) return *failed_;
    Stretch stretch;
    std::optional<StretchFiller> filler(stretch);
    lost_taken_ = false;
    for (auto& [number, partition] : partitions_) {
        partition.taken = -1;
        // A position behind the topic's end is told, not taken for having read everything.
        if (ends != nullptr && partition.next > ends->at(number)) {
            WEIR_TRY(pass_gap(number, partition, stretch));
            WEIR_TRY(read_again());
        }
    }
    auto until = steady_clock::now() + bounds.time;
    if (ends != nullptr) until = steady_clock::now() + patience_for_more;
    while (!stretch.full(bounds) && !failed_) {
        commit_landed();
        const bool idle = all_read(ends);
        if (ends != nullptr && idle) break;
        const auto room = static_cast<std::size_t>(bounds.rows - stretch.rows);
        rebalanced_ = false;
        constexpr int slice_ms = 50;
        const auto got = rd_kafka_consume_batch_queue(queue_.get(), idle ? 0 : slice_ms, batch_.data(),
                                                      std::min(room, batch_.size()));
        bool good = true;
        for (ssize_t i = 0; i < got; ++i) {
            auto* message = batch_[static_cast<std::size_t>(i)];
            // What was read before a partition came or went may be of the old or the new one.
            if (!rebalanced_ && good) good = take_message(*message, *filler, stretch, ends);
            rd_kafka_message_destroy(message);
        }
        if (lost_taken_) {
            throw_away(stretch);
            filler.emplace(stretch);
            lost_taken_ = false;
        }
        if (rebalanced_ && got > 0) {
            if (auto again = read_again(); !again && !failed_) failed_ = std::move(again).error();
        }
        if (auto failure = told_.failure(); failure && !failed_) failed_ = std::move(failure);
        if (got > 0) {
            if (ends != nullptr) until = steady_clock::now() + patience_for_more;
            continue;
        }
        look_for_brokers();
        if (idle || stop_requested()) break;
        if (steady_clock::now() < until) continue;
        if (ends != nullptr)
            failed_ = told_.obstacle().value_or(to_error(RD_KAFKA_RESP_ERR__TIMED_OUT,
                                                         fmt::format("nothing comes from topic {}", options_.topic),
                                                         told_.brokers()));
        break;
    }
    for (auto& [number, partition] : partitions_)
        if (partition.taken >= 0) filler->move(number, partition.taken, partition.next);
    filler->finish();
    // What was read before an error is given first.
    if (failed_ && stretch.empty()) return *failed_;
    return stretch;
}

}  // namespace weir::source::kafka

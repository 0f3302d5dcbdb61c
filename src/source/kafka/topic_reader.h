// A topic of Apache Kafka, read in stretches: as a member of a group that shares its partitions, or all of it alone.
//
//   positions    are the lake's (`stored`), never the group's; they are committed to Kafka for people who look at lags
//   gaps         of compaction, transaction markers and aborted transactions are passed over without a word
//   taken away   a partition leaves only after `settle`; what was read of it and is not landed is thrown away, and the
//                stretch with it, whose other partitions are read again
//
//   librdkafka's threads ──► its queue, bounded ──► take(): copied into blocks
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>

#include "source/kafka/client.h"
#include "source/topic/topic_reader.h"

namespace weir::source::kafka {

struct ReaderOptions {
    declare::KafkaCluster cluster{};
    std::filesystem::path root{};  // of the project, for secrets
    std::string topic{};
    std::string group{};
    bool shared = false;  // with the other members of the group
    declare::Reset reset = declare::Reset::fail;
    StoredPositions stored{};
    std::function<void()> settle{};  // returns when what was taken before has landed, or will not
};

class TopicReader final : public source::TopicReader {
public:
    // Alone: looks for the brokers and the topic first; errors io_failed, not_found, refused. Shared: returns at once,
    // and obstacle() tells.
    static Result<std::unique_ptr<TopicReader>> open(ReaderOptions options);
    ~TopicReader() override;

    std::string origin() const override;
    Positions positions() const override;
    Result<Positions> ends() override;
    Result<std::map<int, std::int64_t>> lags() override;
    Result<std::set<Day>> days(const Positions&, const Positions&) override { return std::set<Day>(); }
    Result<Stretch> take(const StretchBounds& bounds, const Positions* ends = nullptr) override;
    Status rewind(const Positions& positions) override;
    void landed(const Positions& positions) override;
    Status obstacle() const override;

private:
    struct Partition {
        std::int64_t next = -1;   // -1: its oldest record, whatever that is
        std::int64_t taken = -1;  // where the stretch that is being taken begins; -1: it has nothing of it
        bool at_end = false;
    };
    explicit TopicReader(ReaderOptions options) : options_(std::move(options)), told_(options_.cluster.brokers) {}
    Status connect();
    Status begin_alone();
    void rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list);
    Status given(rd_kafka_topic_partition_list_t* list);
    // Reads these partitions from where they are meant to be next, whatever stands in queues.
    Status read_again();
    void look_for_brokers();
    // One message, or what stands for one. False: it cannot go on.
    bool take_message(const rd_kafka_message_t& message, StretchFiller& filler, Stretch& stretch,
                      const Positions* ends);
    Status pass_gap(int number, Partition& partition, Stretch& stretch);
    bool all_read(const Positions* ends) const;
    void throw_away(Stretch& stretch);
    // Hears what the group answered, for at most `wait`, and tells it what it does not know yet.
    void commit_landed(std::chrono::milliseconds wait = {});
    void committed(rd_kafka_resp_err_t error, const rd_kafka_topic_partition_list_t* offsets);

    const ReaderOptions options_;
    Told told_;
    Client client_;
    Queue queue_;
    Queue commits_;  // the answers to them
    bool committing_ = false;
    bool group_busy_ = false;  // the newest was refused, as the group was being shared anew
    std::chrono::steady_clock::time_point commit_after_{};
    std::map<int, Partition> partitions_;  // those that are read here
    std::vector<rd_kafka_message_t*> batch_;
    std::optional<Error> failed_;
    bool rebalanced_ = false;  // during the call that gave the newest batch
    bool lost_taken_ = false;  // rows of the stretch that is being taken belong to somebody else now
    std::chrono::steady_clock::time_point looked_{};
    mutable std::mutex mutex_;
    std::string origin_;   // guarded by mutex_
    Positions to_commit_;  // landed, and not known to the group; guarded by mutex_
};

}  // namespace weir::source::kafka

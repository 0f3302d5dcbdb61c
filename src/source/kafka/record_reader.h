// Records of a topic of Kafka as they are, with their headers, for people: no group, no positions that anybody keeps.
#pragma once

#include <set>

#include "source/kafka/client.h"
#include "source/log/batch.h"
#include "source/topic/stretch.h"

namespace weir::source::kafka {

struct WholeRecord {
    int partition = 0;
    TopicRecord record;
    std::vector<log::RecordHeader> headers;
};

class RecordReader {
public:
    static Result<std::unique_ptr<RecordReader>> open(const declare::KafkaCluster& cluster,
                                                      const std::filesystem::path& root, const std::string& topic);
    ~RecordReader();

    int partitions() const { return partitions_; }
    Result<std::pair<std::int64_t, std::int64_t>> marks(int partition);
    // The first offset of a record with this timestamp or a later one; the end if there is none.
    Result<std::int64_t> offset_at(int partition, std::int64_t timestamp_ms);
    // Reads these partitions from there.
    Status begin(const Positions& positions);
    // Gives what is there to `each`, which says whether it takes more, and waits a little where there is nothing.
    Status next(const std::function<Result<bool>(const WholeRecord&)>& each);
    // Whether all partitions were read to where they end, or to `ends`.
    bool at_end(const Positions& ends) const;

private:
    RecordReader(std::string topic, std::string brokers) : topic_(std::move(topic)), told_(std::move(brokers)) {}

    std::string topic_;
    Told told_;
    Client client_;
    Queue queue_;
    int partitions_ = 0;
    Positions next_;
    std::set<int> at_end_;
};

}  // namespace weir::source::kafka

// For how long messages of a topic have waited, by partition: at most since its partition had none waiting, or since
// the newest record that landed was written, whichever is later. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"

namespace weir::orchestrate {

// What a partition has that the table has not.
struct PartitionLag {
    int partition = 0;
    std::int64_t messages = 0;
    std::optional<Time> waiting_since{};  // at the earliest; nothing: nothing waits, or it is not known

    // At most; nothing: it is not known.
    std::optional<double> seconds(Time now) const;
};

class LagClock {
public:
    // `messages`: what waits in each partition, as it is `now`. Partitions that are not named are somebody else's.
    void look(const std::map<int, std::int64_t>& messages, Time now);
    // The newest records of partitions that landed, by the time at which they were written.
    void landed(const std::map<int, Time>& written);

    const std::vector<PartitionLag>& partitions() const { return partitions_; }

private:
    std::vector<PartitionLag> partitions_;
    std::map<int, Time> caught_up_, written_;
};

}  // namespace weir::orchestrate

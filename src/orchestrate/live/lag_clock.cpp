#include "orchestrate/live/lag_clock.h"

#include <algorithm>
#include <chrono>

namespace weir::orchestrate {

std::optional<double> PartitionLag::seconds(Time now) const {
    if (messages == 0) return 0;
    if (!waiting_since) return std::nullopt;
    return std::max(0.0, std::chrono::duration<double>(now - *waiting_since).count());
}

void LagClock::look(const std::map<int, std::int64_t>& messages, Time now) {
    partitions_.clear();
    for (const auto& [partition, count] : messages) {
        PartitionLag one{.partition = partition, .messages = count};
        if (count == 0) {
            caught_up_[partition] = now;
        } else {
            for (const auto* known : {&caught_up_, &written_})
                if (const auto found = known->find(partition); found != known->end())
                    one.waiting_since = std::max(one.waiting_since.value_or(found->second), found->second);
        }
        partitions_.push_back(one);
    }
}

void LagClock::landed(const std::map<int, Time>& written) {
    for (const auto& [partition, time] : written) {
        const auto [known, first] = written_.emplace(partition, time);
        if (!first) known->second = std::max(known->second, time);
    }
}

}  // namespace weir::orchestrate

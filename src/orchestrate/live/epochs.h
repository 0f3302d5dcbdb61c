// What continuous intake announces: epochs that are committed.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "base/clock.h"
#include "model/interval.h"

namespace weir::orchestrate {

struct CommittedEpoch {
    std::string source, table;
    std::int64_t epoch = 0;    // the source's commit counter
    std::int64_t version = 0;  // of the table, which holds the rows of this epoch first
    std::int64_t rows = 0;     // accepted; may be 0
    Time committed_at{};
};

class EpochListener {
public:
    virtual ~EpochListener() = default;
    // Called by the thread that takes in, one at a time and each source's epochs in their order; intake goes on when it
    // returns, so it must be quick, or slow intake down on purpose. Versions between two epochs of a table are commits
    // that changed no rows (compaction) or were made before the listener was there.
    virtual void on_epoch(const CommittedEpoch& epoch) = 0;
};

}  // namespace weir::orchestrate

// Compaction: of each key the newest record stays, offsets stay as they are.
#pragma once

#include "base/file.h"
#include "source/log/topic.h"

namespace weir::source::log {

struct Compacted {
    std::int64_t records_before = 0, records_after = 0;
    std::int64_t bytes_before = 0, bytes_after = 0;
    int segments = 0;          // written anew
    int damaged_segments = 0;  // left as they are

    Compacted& operator+=(const Compacted& other);
};

// Looks at every segment of the partition but the newest, which grows; nobody else may remove or rewrite segments
// meanwhile. Records without a key stay. A tombstone goes `tombstone_ms` after it was appended; none goes while a
// damaged segment may hold what it stands for. Fails with refused where there are more keys than memory is given for.
Result<Compacted> compact_partition(const fs::path& folder, const TopicConfig& config, std::int64_t now_ms,
                                    bool durable);

}  // namespace weir::source::log

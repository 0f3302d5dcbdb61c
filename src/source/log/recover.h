// What the newest segment of a partition holds, found by reading it: after a crash, and before anything is appended.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "source/log/producers.h"
#include "source/log/segment.h"

namespace weir::source::log {

// Offsets that cannot be read, [from, to).
struct Damage {
    std::int64_t from = 0, to = 0;
    bool operator==(const Damage&) const = default;
};

struct Recovered {
    std::int64_t end_offset = 0;   // of the next record
    std::uint64_t position = 0;    // where it goes
    std::uint64_t torn_bytes = 0;  // behind `position`: of a write that nobody was told of
    std::int64_t appended_at = 0;  // of the last batch
    Producers producers;
    std::vector<Damage> damage;
};

// `acknowledged`: the end that producers were told of at least, where it is known.
Result<Recovered> recover(SegmentReader& segment, std::optional<std::int64_t> acknowledged);

}  // namespace weir::source::log

// What became of the rows of a source: read = accepted + duplicate + quarantined + filtered.
#pragma once

#include <cstdint>

namespace weir {

struct RowCounts {
    std::int64_t read = 0, accepted = 0, duplicate = 0, quarantined = 0, filtered = 0;
    std::int64_t nulled = 0;  // values of a wrong type that became NULL
    std::int64_t late = 0;    // of the accepted ones (observe/event_time.h)

    // Other than 0 is a fault.
    std::int64_t mismatch() const { return read - accepted - duplicate - quarantined - filtered; }

    void add(const RowCounts& other) {
        read += other.read;
        accepted += other.accepted;
        duplicate += other.duplicate;
        quarantined += other.quarantined;
        filtered += other.filtered;
        nulled += other.nulled;
        late += other.late;
    }
};

}  // namespace weir

// Is what cannot be read at the end of a segment a write that was cut off, or damage? A group of batches is written,
// then synced by the log's policy, then acknowledged; only then the next group is written. So:
//
//   bad bytes, and behind them a whole batch of a later group      damage: the bad bytes were acknowledged
//   bad bytes, and behind them only batches of the same group      cut off: nobody was told; all of the group goes
//   bad bytes, and nothing whole behind them                       cut off, unless the tail says it was acknowledged
//   offsets missing between two whole batches                      damage
//
// Damage stays where it is: readers report it with its offsets, and appends go on behind it.
#include "source/log/recover.h"

#include <fmt/format.h>

namespace weir::source::log {

Result<Recovered> recover(SegmentReader& segment, std::optional<std::int64_t> acknowledged) {
    WEIR_ASSIGN(const auto size, segment.size());
    auto producers = Producers::decode(segment.head().producers);
    if (!producers)
        return Error{.code = ErrorCode::log_damaged,
                     .message = fmt::format("{} does not say which producers it follows", segment.path().string()),
                     .hint = "restore the file from a copy"};
    Recovered found{.end_offset = segment.head().base_offset,
                    .position = segment.head().bytes,
                    .appended_at = segment.head().created_at,
                    .producers = std::move(*producers)};
    std::string buffer;
    for (;;) {
        WEIR_ASSIGN(const auto step, segment.at(found.position, INT64_MAX));
        if (step.kind == SegmentReader::Step::Kind::end) break;
        std::string_view raw;
        const auto& header = step.header;
        if (step.kind == SegmentReader::Step::Kind::batch && header.base_offset >= found.end_offset &&
            open_payload(header, step.payload, buffer, raw)) {
            if (header.base_offset > found.end_offset) found.damage.push_back({found.end_offset, header.base_offset});
            if (header.producer >= 0)
                found.producers.record(header.producer, {header.sequence, header.records, header.base_offset},
                                       header.appended_at);
            found.end_offset = header.end_offset();
            found.position += header.bytes;
            found.appended_at = header.appended_at;
            continue;
        }
        const bool told = acknowledged.value_or(0) > found.end_offset;
        WEIR_ASSIGN(const auto whole, segment.next_whole(found.position + 1, found.end_offset));
        if (whole) {
            WEIR_ASSIGN(const auto next, segment.header_at(*whole));
            const bool same_group = next.header.base_offset - next.header.group_back <= found.end_offset;
            if (told || !same_group) {
                // The gap itself is noted when the batch behind it is read.
                found.position = *whole;
                continue;
            }
        }
        if (!told) {
            found.torn_bytes = size - found.position;
            return found;
        }
        found.position = size;
        break;
    }
    if (acknowledged.value_or(0) > found.end_offset) {
        found.damage.push_back({found.end_offset, *acknowledged});
        found.end_offset = *acknowledged;
    }
    return found;
}

}  // namespace weir::source::log

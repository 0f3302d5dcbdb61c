// Reading a partition, from any process, with a position of one's own. Needs no owner, and takes nothing from it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "source/log/recover.h"
#include "source/log/tail.h"
#include "source/log/topic.h"

namespace weir::source::log {

// A batch that was read. Its records with offsets below `from` were not asked for.
struct ReadBatch {
    BatchHeader header;
    std::string_view raw;  // the records, decompressed; until the next call of the reader
    std::int64_t from = 0;

    // Calls `each(const RecordView&)` for every record; false where the bytes are no records.
    template <class Each>
    bool for_each(Each&& each) const {
        RecordCursor cursor(header, raw);
        RecordView record;
        for (;;) {
            const auto step = cursor.next(record);
            if (step != RecordCursor::Step::record) return step == RecordCursor::Step::end;
            if (record.offset >= from) each(record);
        }
    }
};

// Driven by one thread.
class Reader {
public:
    // Begins at offset 0. Errors: not_found, log_unsupported.
    static Result<Reader> open(const fs::path& log, const std::string& topic, int partition);

    // The oldest offset that is there, and the one that the next record will get.
    Result<std::int64_t> begin() const;
    Result<std::int64_t> end();
    // The first offset of a record with this timestamp or a later one; end() if there is none.
    Result<std::int64_t> offset_at(std::int64_t timestamp_ms);

    std::int64_t position() const { return position_; }
    void seek(std::int64_t offset);

    // The batch at the position, which moves behind it; nothing if there is no more yet. Uncompressed batches are not
    // copied. Errors leave the position where it is:
    //   offsets_gone   retention removed it, or it lies behind the end; the message names what is there
    //   log_damaged    the offsets in damage() cannot be read; seek(damage()->to) goes on behind them
    Result<std::optional<ReadBatch>> next();
    const std::optional<Damage>& damage() const { return damage_; }

    // Waits until there may be more, at most `timeout`.
    void wait(std::chrono::milliseconds timeout);

private:
    explicit Reader(fs::path folder, std::string name) : folder_(std::move(folder)), name_(std::move(name)) {}
    // Moves to the segment and the place in it that hold the position.
    Status locate(std::int64_t end);
    Error gone(std::int64_t begin, std::int64_t end) const;
    Result<std::optional<ReadBatch>> damaged(std::int64_t end);
    Status open_segment(std::int64_t base_offset);

    fs::path folder_;
    std::string name_;  // "topic/partition"
    std::optional<Tail> tail_;
    std::optional<std::int64_t> recovered_end_;  // where the tail does not say
    std::int64_t position_ = 0;
    std::optional<SegmentReader> segment_;
    std::uint64_t place_ = 0;  // in the segment
    std::string buffer_;
    std::optional<Damage> damage_;
};

}  // namespace weir::source::log

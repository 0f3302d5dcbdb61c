// Two passes over the sealed segments, the oldest first:
//
//   newest    of each key (128 bits of XXH3), the offset of its last record
//   rewrite   a segment that holds older records is written anew beside itself, synced, and renamed over
//
// (1) Batches keep their offsets; those left without records become one batch that only stands for its offsets.
// (2) A crash leaves each segment old or new; both hold the newest record of every key.
// (3) The oldest segment is rewritten first: a tombstone is never gone before what it deletes.
#include "source/log/compact.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <unordered_map>

#include "base/limits.h"
#include "source/log/segment.h"

namespace weir::source::log {
namespace {

struct KeyHash {
    std::uint64_t low, high;
    bool operator==(const KeyHash&) const = default;
};
struct HashOfKey {
    std::size_t operator()(const KeyHash& key) const { return key.low; }
};
using Newest = std::unordered_map<KeyHash, std::int64_t, HashOfKey>;

KeyHash hash_key(std::string_view key) {
    const auto hash = XXH3_128bits(key.data(), key.size());
    return {hash.low64, hash.high64};
}

// Calls `each(header, raw)` for the batches of a segment; false: some of it is damaged.
template <class Each>
Result<bool> each_batch(SegmentReader& segment, Each&& each) {
    std::string buffer;
    auto expected = segment.head().base_offset;
    for (std::uint64_t place = segment.head().bytes;;) {
        WEIR_ASSIGN(const auto step, segment.at(place, INT64_MAX));
        if (step.kind == SegmentReader::Step::Kind::end) return true;
        std::string_view raw;
        bool keyed = false;
        if (step.kind == SegmentReader::Step::Kind::damaged || step.header.base_offset != expected ||
            !open_payload(step.header, step.payload, buffer, raw) || !check_records(step.header, raw, keyed))
            return false;
        WEIR_TRY(each(step.header, raw));
        place += step.header.bytes;
        expected = step.header.end_offset();
    }
}

// A segment that is written beside the old one, and takes its place.
class NewSegment {
public:
    static Result<NewSegment> create(const fs::path& folder, const SegmentHead& head) {
        NewSegment made;
        made.path_ = folder / segment_name(head.base_offset);
        made.temporary_ = folder / fmt::format(".{}.tmp-{}", segment_name(head.base_offset), ::getpid());
        made.file_ = FileHandle(::open(made.temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
        if (!made.file_.open()) return io_error("create", made.temporary_, errno);
        WEIR_TRY(made.write(encode_head(head)));
        return made;
    }
    NewSegment(NewSegment&&) = default;
    ~NewSegment() {
        if (file_.open()) ::unlink(temporary_.c_str());
    }

    Status write(std::string_view bytes) { return write_all(file_.get(), bytes, temporary_); }
    Status write(const BatchHeader& header, std::string_view payload) {
        std::string bytes(batch_header_bytes, '\0');
        write_header(header, bytes.data());
        WEIR_TRY(write(bytes));
        return write(payload);
    }
    Status take_place(bool durable) {
        if (durable && ::fsync(file_.get()) != 0) return io_error("sync", temporary_, errno);
        if (::rename(temporary_.c_str(), path_.c_str()) != 0) return io_error("rename to", path_, errno);
        file_ = FileHandle();
        return durable ? sync_directory(path_.parent_path()) : ok();
    }

private:
    NewSegment() = default;
    fs::path path_, temporary_;
    FileHandle file_;
};

class Rewriter {
public:
    Rewriter(NewSegment& to, const Newest& newest, std::int64_t tombstones_before)
        : to_(to), newest_(newest), tombstones_before_(tombstones_before) {}

    bool stays(const BatchHeader& batch, const RecordView& record) const {
        if (!record.key) return true;
        const auto newest = newest_.find(hash_key(*record.key));
        if (newest != newest_.end() && newest->second != record.offset) return false;
        return record.value.has_value() || batch.appended_at >= tombstones_before_;
    }

    Status take(const BatchHeader& old, std::string_view raw) {
        RecordCursor cursor(old, raw);
        RecordView record;
        builder_.rewrite(old.first_timestamp);
        while (cursor.next(record) == RecordCursor::Step::record)
            if (stays(old, record))
                builder_.add_at(static_cast<std::uint32_t>(record.offset - old.base_offset), record);
        records_ += builder_.records();
        WEIR_ASSIGN(auto batch, builder_.finish(old.codec));
        auto& header = batch.header;
        header.base_offset = old.base_offset;
        header.offsets = old.offsets;
        header.appended_at = old.appended_at;
        header.producer = old.producer;
        header.sequence = old.sequence;
        header.group_back = old.group_back;
        if (header.records > 0) {
            WEIR_TRY(write_empty());
            return to_.write(header, batch.payload);
        }
        if (empty_ && empty_->offsets <= UINT32_MAX - header.offsets) {
            empty_->offsets += header.offsets;
            return ok();
        }
        WEIR_TRY(write_empty());
        empty_ = header;
        return ok();
    }
    Status write_empty() {
        if (!empty_) return ok();
        const auto header = *empty_;
        empty_.reset();
        return to_.write(header, {});
    }
    std::int64_t records() const { return records_; }

private:
    NewSegment& to_;
    const Newest& newest_;
    const std::int64_t tombstones_before_;
    BatchBuilder builder_;
    std::optional<BatchHeader> empty_;  // batches without records, not written yet
    std::int64_t records_ = 0;
};

}  // namespace

Compacted& Compacted::operator+=(const Compacted& other) {
    records_before += other.records_before;
    records_after += other.records_after;
    bytes_before += other.bytes_before;
    bytes_after += other.bytes_after;
    segments += other.segments;
    damaged_segments += other.damaged_segments;
    return *this;
}

Result<Compacted> compact_partition(const fs::path& folder, const TopicConfig& config, std::int64_t now_ms,
                                    bool durable) {
    Compacted done;
    WEIR_ASSIGN(auto bases, list_segments(folder));
    if (bases.size() < 2) return done;
    bases.pop_back();
    Newest newest;
    std::vector<std::int64_t> whole;
    std::vector<std::int64_t> records(bases.size());
    for (std::size_t i = 0; i < bases.size(); ++i) {
        auto segment = SegmentReader::open(folder, bases[i]);
        if (!segment && segment.error().code != ErrorCode::log_damaged) return std::move(segment).error();
        Result<bool> good = false;
        if (segment) {
            good = each_batch(*segment, [&](const BatchHeader& header, std::string_view raw) -> Status {
                RecordCursor cursor(header, raw);
                RecordView record;
                while (cursor.next(record) == RecordCursor::Step::record)
                    if (record.key) newest[hash_key(*record.key)] = record.offset;
                if (newest.size() > limits::log_compact_keys_max)
                    return Error{.code = ErrorCode::refused,
                                 .message = fmt::format("{} has more than {} keys, which are too many to compact",
                                                        folder.string(), limits::log_compact_keys_max),
                                 .hint = "make a topic of more partitions"};
                records[i] += header.records;
                return ok();
            });
            if (!good) return std::move(good).error();
        }
        if (*good) whole.push_back(static_cast<std::int64_t>(i));
    }
    done.damaged_segments = static_cast<int>(bases.size() - whole.size());
    const auto tombstones_before = done.damaged_segments > 0 ? INT64_MIN : now_ms - config.tombstone_ms;
    for (const auto number : whole) {
        const auto i = static_cast<std::size_t>(number);
        WEIR_ASSIGN(auto segment, SegmentReader::open(folder, bases[i]));
        WEIR_ASSIGN(const auto bytes, segment.size());
        done.bytes_before += static_cast<std::int64_t>(bytes);
        done.records_before += records[i];
        WEIR_ASSIGN(auto anew, NewSegment::create(folder, segment.head()));
        Rewriter rewriter(anew, newest, tombstones_before);
        WEIR_ASSIGN(const bool good, each_batch(segment, [&](const BatchHeader& header, std::string_view raw) {
                        return rewriter.take(header, raw);
                    }));
        WEIR_TRY(rewriter.write_empty());
        // Nothing to remove, or damaged since it was looked at: it stays as it is.
        if (!good || rewriter.records() == records[i]) {
            done.records_after += records[i];
            done.bytes_after += static_cast<std::int64_t>(bytes);
            continue;
        }
        WEIR_TRY(anew.take_place(durable));
        WEIR_ASSIGN(const auto now, SegmentReader::open(folder, bases[i]));
        WEIR_ASSIGN(const auto bytes_now, now.size());
        done.records_after += rewriter.records();
        done.bytes_after += static_cast<std::int64_t>(bytes_now);
        ++done.segments;
    }
    return done;
}

}  // namespace weir::source::log

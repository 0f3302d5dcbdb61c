// Batches of records: what is written, checked, compressed and read as one. The bytes are drawn in batch.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "source/log/codec.h"

namespace weir::source::log {

// Name and value of a record's header; a value may be absent.
struct RecordHeader {
    std::string_view name;
    std::optional<std::string_view> value;
    bool operator==(const RecordHeader&) const = default;
};

// A record as it lies in a batch that somebody holds. No value: a tombstone.
struct RecordView {
    std::int64_t offset = 0;
    std::int64_t timestamp = 0;  // milliseconds since 1970, by whoever made the record
    std::optional<std::string_view> key, value;
    std::uint32_t header_count = 0;
    std::string_view header_bytes{};

    std::vector<RecordHeader> headers() const;
};

struct BatchHeader {
    std::uint32_t bytes = 0;  // of the whole batch, this header included
    std::uint64_t payload_hash = 0;
    std::int64_t base_offset = 0;
    std::int64_t first_timestamp = 0, max_timestamp = 0;
    std::int64_t appended_at = 0;  // milliseconds since 1970, by the owner's clock
    std::int64_t producer = -1;    // -1: none
    std::int64_t sequence = -1;    // of the first record
    std::uint32_t offsets = 0;     // how many the batch stands for; compaction leaves fewer records
    std::uint32_t records = 0;
    std::uint32_t raw_bytes = 0;   // of the records before compression
    std::uint32_t group_back = 0;  // base_offset − the first offset that was written and acknowledged together with it
    Codec codec = Codec::none;

    std::int64_t end_offset() const { return base_offset + offsets; }
    std::size_t payload_bytes() const;
    bool operator==(const BatchHeader&) const = default;
};

inline constexpr std::size_t batch_header_bytes = 96;

// Writes batch_header_bytes.
void write_header(const BatchHeader& header, char* to);
// Nothing where these bytes (at least batch_header_bytes) are no header: other bytes, a wrong checksum, numbers out of
// bounds.
std::optional<BatchHeader> read_header(std::string_view bytes);
// What every header begins with.
std::string_view batch_magic();

std::uint64_t hash_of(std::string_view bytes);

// A batch without a place in a log yet: base_offset, appended_at, producer and group_back are still open.
struct EncodedBatch {
    BatchHeader header;
    std::string payload;
    bool all_keyed = true;
};

// Collects records. Not safe to share.
class BatchBuilder {
public:
    // Whether a record of this size still goes in (an empty batch takes every record that is within the limits).
    bool fits(std::size_t key_and_value_bytes) const;
    // Fails with refused for a record that is larger than any batch.
    Status add(std::int64_t timestamp, std::optional<std::string_view> key, std::optional<std::string_view> value,
               std::span<const RecordHeader> headers = {});
    // For a batch that is written anew with fewer records: its first timestamp stays, so that no record grows.
    void rewrite(std::int64_t first_timestamp);
    // A record of it, `delta` offsets behind its base; deltas rise.
    void add_at(std::uint32_t delta, const RecordView& record);

    std::size_t bytes() const { return raw_.size(); }
    std::uint32_t records() const { return records_; }
    bool empty() const { return records_ == 0; }
    // The batch; the builder is empty again. Without add_at, `offsets` is the number of records.
    Result<EncodedBatch> finish(Codec codec);

private:
    void begin_record(std::uint32_t delta, std::int64_t timestamp, std::optional<std::string_view> key,
                      std::optional<std::string_view> value, std::uint32_t header_count);

    std::string raw_;
    std::uint32_t records_ = 0;
    std::uint32_t next_delta_ = 0;
    std::int64_t first_timestamp_ = 0, max_timestamp_ = 0;
    bool first_timestamp_given_ = false;
    bool all_keyed_ = true;
};

// Walks the records of a batch, in the order of their offsets.
class RecordCursor {
public:
    // `raw`: the records, decompressed; lives as long as what is read.
    RecordCursor(const BatchHeader& header, std::string_view raw) : header_(header), rest_(raw) {}

    enum class Step { record, end, damaged };
    Step next(RecordView& record);

private:
    BatchHeader header_;
    std::string_view rest_;
    std::uint32_t seen_ = 0;
    std::int64_t last_delta_ = -1;
};

// The records of a batch whose header was read, decompressed into `buffer` where they are compressed. False: the
// checksum or the compressed text is wrong.
bool open_payload(const BatchHeader& header, std::string_view payload, std::string& buffer, std::string_view& raw);

// Whether every record can be read, and `all_keyed` whether each has a key.
bool check_records(const BatchHeader& header, std::string_view raw, bool& all_keyed);

}  // namespace weir::source::log

// A batch, all numbers little-endian:
//
//    0  "wbat"
//    4  u32 bytes of the whole batch         8  u64 XXH3 of this header, these eight bytes taken as 0
//   16  u64 XXH3 of what follows the header
//   24  i64 base offset                     32  i64 first timestamp       40  i64 largest timestamp
//   48  i64 appended at                     56  i64 producer, or -1       64  i64 sequence of the first record, or -1
//   72  u32 offsets that it stands for      76  u32 records               80  u32 bytes of the records, decompressed
//   84  u32 group back                      88  u8 codec, 7 bytes of 0
//   96  the records, compressed as one
//
// A record; varint is unsigned LEB128, zigzag a signed one in it:
//
//   varint offset − base offset             zigzag timestamp − first timestamp
//   varint key bytes + 1, or 0: no key      the key
//   varint value bytes + 1, or 0: no value  the value
//   varint headers, for each: varint name bytes, the name, varint value bytes + 1 or 0, the value
//
// (1) Batches of a partition stand for all offsets without a gap, also when compaction has taken records out.
// (2) Offsets in a batch rise. Without compaction there are as many records as offsets.
#include "source/log/batch.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "base/limits.h"

namespace weir::source::log {
namespace {

static_assert(std::endian::native == std::endian::little, "batches are little-endian");

constexpr std::string_view magic = "wbat";
constexpr std::size_t hash_at = 8;
// A record around its key, value and headers: five varints and room to spare.
constexpr std::size_t record_overhead = 64;

template <class T>
void put(char* to, std::size_t at, T value) {
    std::memcpy(to + at, &value, sizeof(T));
}

template <class T>
T get(std::string_view from, std::size_t at) {
    T value;
    std::memcpy(&value, from.data() + at, sizeof(T));
    return value;
}

void put_varint(std::string& to, std::uint64_t value) {
    while (value >= 0x80) {
        to.push_back(static_cast<char>(value | 0x80));
        value >>= 7;
    }
    to.push_back(static_cast<char>(value));
}

bool get_varint(std::string_view& from, std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0, at = 0; at < from.size() && shift < 64; shift += 7, ++at) {
        const auto byte = static_cast<std::uint8_t>(from[at]);
        value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) {
            from.remove_prefix(at + 1);
            return shift < 63 || byte <= 1;
        }
    }
    return false;
}

std::uint64_t zigzag(std::int64_t value) {
    return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

std::int64_t unzigzag(std::uint64_t value) {
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

// Timestamps may be anything that 64 bits hold, so differences wrap around.
std::int64_t wrapping_difference(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

std::int64_t wrapping_sum(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

void put_text(std::string& to, std::optional<std::string_view> text) {
    put_varint(to, text ? text->size() + 1 : 0);
    if (text) to.append(*text);
}

bool get_text(std::string_view& from, std::optional<std::string_view>& text) {
    std::uint64_t size_and_one = 0;
    if (!get_varint(from, size_and_one)) return false;
    text.reset();
    if (size_and_one == 0) return true;
    if (size_and_one - 1 > from.size()) return false;
    text = from.substr(0, size_and_one - 1);
    from.remove_prefix(size_and_one - 1);
    return true;
}

bool get_name(std::string_view& from, std::string_view& name) {
    std::uint64_t size = 0;
    if (!get_varint(from, size) || size > from.size()) return false;
    name = from.substr(0, size);
    from.remove_prefix(size);
    return true;
}

bool get_header(std::string_view& from, RecordHeader& header) {
    return get_name(from, header.name) && get_text(from, header.value);
}

std::uint64_t header_hash(const char* bytes) {
    std::array<char, batch_header_bytes> copy;
    std::memcpy(copy.data(), bytes, copy.size());
    std::fill_n(copy.begin() + hash_at, sizeof(std::uint64_t), '\0');
    return XXH3_64bits(copy.data(), copy.size());
}

bool within_bounds(const BatchHeader& header) {
    return header.bytes >= batch_header_bytes && header.raw_bytes <= limits::log_batch_bytes_max &&
           header.bytes <= batch_header_bytes + 2 * limits::log_batch_bytes_max && header.base_offset >= 0 &&
           header.offsets > 0 && header.records <= header.offsets && header.group_back <= header.base_offset &&
           header.base_offset <= INT64_MAX - header.offsets && header.producer >= -1 && header.sequence >= -1 &&
           header.records <= limits::log_batch_records_max;
}

}  // namespace

std::size_t BatchHeader::payload_bytes() const { return bytes - batch_header_bytes; }

std::string_view batch_magic() { return magic; }

std::uint64_t hash_of(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

void write_header(const BatchHeader& header, char* to) {
    std::memset(to, 0, batch_header_bytes);
    std::memcpy(to, magic.data(), magic.size());
    put(to, 4, header.bytes);
    put(to, 16, header.payload_hash);
    put(to, 24, header.base_offset);
    put(to, 32, header.first_timestamp);
    put(to, 40, header.max_timestamp);
    put(to, 48, header.appended_at);
    put(to, 56, header.producer);
    put(to, 64, header.sequence);
    put(to, 72, header.offsets);
    put(to, 76, header.records);
    put(to, 80, header.raw_bytes);
    put(to, 84, header.group_back);
    put(to, 88, static_cast<std::uint8_t>(header.codec));
    put(to, hash_at, header_hash(to));
}

std::optional<BatchHeader> read_header(std::string_view bytes) {
    if (bytes.size() < batch_header_bytes || bytes.substr(0, magic.size()) != magic) return std::nullopt;
    if (get<std::uint64_t>(bytes, hash_at) != header_hash(bytes.data())) return std::nullopt;
    const auto codec = get<std::uint8_t>(bytes, 88);
    if (codec > static_cast<std::uint8_t>(Codec::zstd)) return std::nullopt;
    const BatchHeader header{.bytes = get<std::uint32_t>(bytes, 4),
                             .payload_hash = get<std::uint64_t>(bytes, 16),
                             .base_offset = get<std::int64_t>(bytes, 24),
                             .first_timestamp = get<std::int64_t>(bytes, 32),
                             .max_timestamp = get<std::int64_t>(bytes, 40),
                             .appended_at = get<std::int64_t>(bytes, 48),
                             .producer = get<std::int64_t>(bytes, 56),
                             .sequence = get<std::int64_t>(bytes, 64),
                             .offsets = get<std::uint32_t>(bytes, 72),
                             .records = get<std::uint32_t>(bytes, 76),
                             .raw_bytes = get<std::uint32_t>(bytes, 80),
                             .group_back = get<std::uint32_t>(bytes, 84),
                             .codec = static_cast<Codec>(codec)};
    if (!within_bounds(header)) return std::nullopt;
    return header;
}

std::vector<RecordHeader> RecordView::headers() const {
    std::vector<RecordHeader> found(header_count);
    auto rest = header_bytes;
    for (auto& header : found)
        if (!get_header(rest, header)) break;
    return found;
}

bool BatchBuilder::fits(std::size_t key_and_value_bytes) const {
    return records_ == 0 || (raw_.size() + key_and_value_bytes + record_overhead <= limits::log_batch_bytes_max &&
                             records_ < limits::log_batch_records_max);
}

void BatchBuilder::begin_record(std::uint32_t delta, std::int64_t timestamp, std::optional<std::string_view> key,
                                std::optional<std::string_view> value, std::uint32_t header_count) {
    if (records_ == 0) {
        max_timestamp_ = timestamp;
        if (!first_timestamp_given_) first_timestamp_ = timestamp;
    }
    max_timestamp_ = std::max(max_timestamp_, timestamp);
    put_varint(raw_, delta);
    put_varint(raw_, zigzag(wrapping_difference(timestamp, first_timestamp_)));
    put_text(raw_, key);
    put_text(raw_, value);
    put_varint(raw_, header_count);
    all_keyed_ = all_keyed_ && key.has_value();
    ++records_;
    next_delta_ = delta + 1;
}

Status BatchBuilder::add(std::int64_t timestamp, std::optional<std::string_view> key,
                         std::optional<std::string_view> value, std::span<const RecordHeader> headers) {
    std::size_t bytes = record_overhead + (key ? key->size() : 0) + (value ? value->size() : 0);
    for (const auto& header : headers)
        bytes += record_overhead + header.name.size() + (header.value ? header.value->size() : 0);
    if (bytes > limits::log_batch_bytes_max)
        return Error{.code = ErrorCode::refused,
                     .message = fmt::format("a record of {} bytes is too large for the log, which takes {} bytes",
                                            bytes - record_overhead, limits::log_batch_bytes_max - record_overhead),
                     .hint = "put what is large into a file, and its path into the record"};
    begin_record(next_delta_, timestamp, key, value, static_cast<std::uint32_t>(headers.size()));
    for (const auto& header : headers) {
        put_varint(raw_, header.name.size());
        raw_.append(header.name);
        put_text(raw_, header.value);
    }
    return ok();
}

void BatchBuilder::rewrite(std::int64_t first_timestamp) {
    first_timestamp_ = first_timestamp;
    first_timestamp_given_ = true;
}

void BatchBuilder::add_at(std::uint32_t delta, const RecordView& record) {
    begin_record(delta, record.timestamp, record.key, record.value, record.header_count);
    raw_.append(record.header_bytes);
}

Result<EncodedBatch> BatchBuilder::finish(Codec codec) {
    if (raw_.size() > limits::log_batch_bytes_max)
        return Error{.code = ErrorCode::internal, .message = "a batch of the log has grown over its limit"};
    EncodedBatch batch;
    WEIR_TRY(compress(codec, raw_, batch.payload));
    // What compression makes larger is better left alone.
    if (codec != Codec::none && batch.payload.size() >= raw_.size()) {
        codec = Codec::none;
        batch.payload = raw_;
    }
    batch.header.bytes = static_cast<std::uint32_t>(batch_header_bytes + batch.payload.size());
    batch.header.payload_hash = hash_of(batch.payload);
    batch.header.first_timestamp = first_timestamp_;
    batch.header.max_timestamp = max_timestamp_;
    batch.header.offsets = next_delta_;
    batch.header.records = records_;
    batch.header.raw_bytes = static_cast<std::uint32_t>(raw_.size());
    batch.header.codec = codec;
    batch.all_keyed = all_keyed_;
    raw_.clear();
    records_ = next_delta_ = 0;
    first_timestamp_ = max_timestamp_ = 0;
    first_timestamp_given_ = false;
    all_keyed_ = true;
    return batch;
}

RecordCursor::Step RecordCursor::next(RecordView& record) {
    if (seen_ == header_.records) return rest_.empty() ? Step::end : Step::damaged;
    std::uint64_t delta = 0, time = 0, count = 0;
    if (!get_varint(rest_, delta) || !get_varint(rest_, time) || delta >= header_.offsets ||
        static_cast<std::int64_t>(delta) <= last_delta_ || !get_text(rest_, record.key) ||
        !get_text(rest_, record.value) || !get_varint(rest_, count) || count > rest_.size())
        return Step::damaged;
    const auto headers = rest_;
    RecordHeader header;
    for (std::uint64_t i = 0; i < count; ++i)
        if (!get_header(rest_, header)) return Step::damaged;
    record.header_count = static_cast<std::uint32_t>(count);
    record.header_bytes = headers.substr(0, headers.size() - rest_.size());
    record.offset = header_.base_offset + static_cast<std::int64_t>(delta);
    record.timestamp = wrapping_sum(header_.first_timestamp, unzigzag(time));
    last_delta_ = static_cast<std::int64_t>(delta);
    ++seen_;
    return Step::record;
}

bool open_payload(const BatchHeader& header, std::string_view payload, std::string& buffer, std::string_view& raw) {
    if (payload.size() != header.payload_bytes() || hash_of(payload) != header.payload_hash) return false;
    if (header.codec == Codec::none) {
        raw = payload;
        return payload.size() == header.raw_bytes;
    }
    if (!decompress(header.codec, payload, header.raw_bytes, buffer)) return false;
    raw = buffer;
    return true;
}

bool check_records(const BatchHeader& header, std::string_view raw, bool& all_keyed) {
    RecordCursor cursor(header, raw);
    RecordView record;
    all_keyed = true;
    for (;;) {
        const auto step = cursor.next(record);
        if (step == RecordCursor::Step::end) return true;
        if (step == RecordCursor::Step::damaged) return false;
        all_keyed = all_keyed && record.key.has_value();
    }
}

}  // namespace weir::source::log

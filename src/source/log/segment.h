// Segments: the files that a partition's batches stand in. Their bytes are drawn in segment.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "source/log/batch.h"

namespace weir::source::log {

// What a segment begins with.
struct SegmentHead {
    std::int64_t base_offset = 0;
    std::int64_t created_at = 0;  // milliseconds since 1970
    std::string producers{};      // Producers::encode(), as they were at the base offset
    std::uint32_t bytes = 0;      // of the head; the first batch stands behind it
};
std::string encode_head(const SegmentHead& head);
// Nothing where these bytes begin no segment, or are cut.
std::optional<SegmentHead> read_head(std::string_view bytes);

// "00000000000000001024.seg"
std::string segment_name(std::int64_t base_offset);
std::optional<std::int64_t> segment_base(std::string_view name);

// The base offsets of the segments in a partition's folder, in order. A folder that does not exist has none.
Result<std::vector<std::int64_t>> list_segments(const fs::path& folder);

// One segment, read by one thread.
class SegmentReader {
public:
    // Fails with not_found where there is no such file, log_damaged where its head cannot be read.
    static Result<SegmentReader> open(const fs::path& folder, std::int64_t base_offset);

    const SegmentHead& head() const { return head_; }
    const fs::path& path() const { return path_; }
    Result<std::uint64_t> size() const;

    struct Step {
        enum class Kind { batch, end, damaged };
        Kind kind = Kind::end;
        BatchHeader header{};  // batch; damaged with `header_read`: only what follows it is wrong
        bool header_read = false;
        std::string_view payload{};  // compressed as it stands; until the next call
    };
    // The batch at `position`. Bytes at or behind `published` may still change and are read again every time.
    // The checksum of what follows the header is not looked at: open_payload() does that.
    Result<Step> at(std::uint64_t position, std::int64_t published);
    // Only the header; the next one stands `header.bytes` further.
    Result<Step> header_at(std::uint64_t position);

    // Where the next whole batch begins, at or behind `position`, whose offsets are not below `least_offset`.
    Result<std::optional<std::uint64_t>> next_whole(std::uint64_t position, std::int64_t least_offset);

private:
    SegmentReader() = default;
    // Up to `size` bytes from `position`, fewer at the end of the file.
    Result<std::string_view> bytes(std::uint64_t position, std::size_t size, std::int64_t published);
    Result<std::size_t> read(std::uint64_t position, char* to, std::size_t size) const;

    fs::path path_;
    FileHandle file_;
    SegmentHead head_;
    std::string buffer_;
    std::size_t buffer_size_ = 0;
    std::uint64_t buffer_at_ = 0;
    std::int64_t buffer_published_ = -1;  // what of the buffer is settled
};

// The headers of a segment one after the other, without what follows them. Where a header's length cannot be right,
// because no batch stands behind it, the next whole batch is looked for.
class HeaderWalk {
public:
    explicit HeaderWalk(SegmentReader& segment)
        : segment_(segment), place_(segment.head().bytes), expected_(segment.head().base_offset) {}

    struct Stop {
        std::uint64_t place;
        BatchHeader header;
    };
    // Nothing at the end.
    Result<std::optional<Stop>> next();

private:
    SegmentReader& segment_;
    std::uint64_t place_;                  // of the next header
    std::int64_t expected_;                // its offset
    std::optional<std::uint64_t> last_{};  // where the one before stands
};

}  // namespace weir::source::log

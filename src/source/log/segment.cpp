// A segment, all numbers little-endian, its name the base offset in 20 digits and ".seg":
//
//    0  "weirlog1"                           8  u64 XXH3 of the head, these eight bytes taken as 0
//   16  u32 bytes of the head               20  u32 0
//   24  i64 base offset                     32  i64 created at, milliseconds since 1970
//   40  24 bytes of 0
//   64  the producers at the base offset, for each: i64 number, appended at, appends; for each append (the newest
//   last):
//       i64 first sequence, records, offset
//   …   batches (batch.cpp), one behind the other
//
// (1) A segment appears with its whole head, or not at all. (2) Only the newest one grows.
// (3) The first batch begins at the base offset, and the next segment's base offset is where the last batch ends.
#include "source/log/segment.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/limits.h"

namespace weir::source::log {
namespace {

constexpr std::string_view magic = "weirlog1";
constexpr std::string_view suffix = ".seg";
constexpr std::size_t name_digits = 20;
constexpr std::size_t head_bytes_min = 64;
// Ten thousand producers with five appends each.
constexpr std::size_t head_bytes_max = std::size_t{4} << 20;
constexpr std::size_t hash_at = 8;
// Large enough that the disk reads ahead, small enough to stay in a core's cache.
constexpr std::size_t read_ahead = std::size_t{1} << 20;

template <class T>
T get(std::string_view from, std::size_t at) {
    T value;
    std::memcpy(&value, from.data() + at, sizeof(T));
    return value;
}

template <class T>
void put(std::string& to, std::size_t at, T value) {
    std::memcpy(to.data() + at, &value, sizeof(T));
}

// Of the head with its own place taken as 0.
std::uint64_t head_hash(std::string head) {
    put(head, hash_at, std::uint64_t{0});
    return hash_of(head);
}

}  // namespace

std::string encode_head(const SegmentHead& head) {
    std::string bytes(head_bytes_min, '\0');
    bytes.replace(0, magic.size(), magic);
    put(bytes, 16, static_cast<std::uint32_t>(head_bytes_min + head.producers.size()));
    put(bytes, 24, head.base_offset);
    put(bytes, 32, head.created_at);
    bytes += head.producers;
    put(bytes, hash_at, head_hash(bytes));
    return bytes;
}

std::optional<SegmentHead> read_head(std::string_view bytes) {
    if (bytes.size() < head_bytes_min || bytes.substr(0, magic.size()) != magic) return std::nullopt;
    SegmentHead head;
    head.bytes = get<std::uint32_t>(bytes, 16);
    if (head.bytes < head_bytes_min || head.bytes > bytes.size()) return std::nullopt;
    bytes = bytes.substr(0, head.bytes);
    if (get<std::uint64_t>(bytes, hash_at) != head_hash(std::string(bytes))) return std::nullopt;
    head.base_offset = get<std::int64_t>(bytes, 24);
    head.created_at = get<std::int64_t>(bytes, 32);
    if (head.base_offset < 0) return std::nullopt;
    head.producers = bytes.substr(head_bytes_min);
    return head;
}

std::string segment_name(std::int64_t base_offset) { return fmt::format("{:020}{}", base_offset, suffix); }

std::optional<std::int64_t> segment_base(std::string_view name) {
    if (name.size() != name_digits + suffix.size() || name.substr(name_digits) != suffix) return std::nullopt;
    std::int64_t base = 0;
    const auto [end, failure] = std::from_chars(name.data(), name.data() + name_digits, base);
    if (failure != std::errc{} || end != name.data() + name_digits || base < 0) return std::nullopt;
    return base;
}

Result<std::vector<std::int64_t>> list_segments(const fs::path& folder) {
    std::vector<std::int64_t> bases;
    DIR* directory = ::opendir(folder.c_str());
    if (directory == nullptr) {
        if (errno == ENOENT) return bases;
        return io_error("list", folder, errno);
    }
    errno = 0;
    while (const dirent* entry = ::readdir(directory)) {
        if (const auto base = segment_base(entry->d_name)) bases.push_back(*base);
        errno = 0;
    }
    const int failure = errno;
    ::closedir(directory);
    if (failure != 0) return io_error("list", folder, failure);
    std::sort(bases.begin(), bases.end());
    return bases;
}

Result<SegmentReader> SegmentReader::open(const fs::path& folder, std::int64_t base_offset) {
    SegmentReader reader;
    reader.path_ = folder / segment_name(base_offset);
    reader.file_ = FileHandle(::open(reader.path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!reader.file_.open()) {
        if (errno == ENOENT)
            return Error{.code = ErrorCode::not_found,
                         .message = fmt::format("{} does not exist", reader.path_.string())};
        return io_error("open", reader.path_, errno);
    }
    std::string bytes(head_bytes_min, '\0');
    WEIR_ASSIGN(std::size_t got, reader.read(0, bytes.data(), bytes.size()));
    if (got == bytes.size()) {
        const std::size_t whole = get<std::uint32_t>(bytes, 16);
        if (whole > head_bytes_min && whole <= head_bytes_max) {
            bytes.resize(whole);
            WEIR_ASSIGN(got, reader.read(0, bytes.data(), whole));
        }
    }
    const auto head = read_head(std::string_view(bytes).substr(0, got));
    if (!head || head->base_offset != base_offset) {
        return Error{.code = ErrorCode::log_damaged,
                     .message = fmt::format("{} does not begin as a segment of the log", reader.path_.string()),
                     .hint = fmt::format("the offsets from {} cannot be read; restore the file from a copy, or read "
                                         "on behind it",
                                         base_offset)};
    }
    reader.head_ = *head;
    return reader;
}

Result<std::uint64_t> SegmentReader::size() const {
    struct stat info {};
    if (::fstat(file_.get(), &info) != 0) return io_error("look at", path_, errno);
    return static_cast<std::uint64_t>(info.st_size);
}

Result<std::size_t> SegmentReader::read(std::uint64_t position, char* to, std::size_t size) const {
    std::size_t done = 0;
    while (done < size) {
        const auto got = ::pread(file_.get(), to + done, size - done, static_cast<off_t>(position + done));
        if (got < 0) {
            if (errno == EINTR) continue;
            return io_error("read", path_, errno);
        }
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    return done;
}

Result<std::string_view> SegmentReader::bytes(std::uint64_t position, std::size_t size, std::int64_t published) {
    const bool held = position >= buffer_at_ && position + size <= buffer_at_ + buffer_size_;
    if (!held || published > buffer_published_) {
        const auto wanted = std::max(size, read_ahead);
        if (buffer_.size() < wanted) buffer_.resize(wanted);
        buffer_size_ = 0;
        WEIR_ASSIGN(buffer_size_, read(position, buffer_.data(), buffer_.size()));
        buffer_at_ = position;
        buffer_published_ = published;
    }
    return std::string_view(buffer_).substr(position - buffer_at_,
                                            std::min<std::size_t>(size, buffer_at_ + buffer_size_ - position));
}

Result<SegmentReader::Step> SegmentReader::at(std::uint64_t position, std::int64_t published) {
    // What was settled when the buffer was filled stays as it is.
    auto settled = std::min(published, std::max<std::int64_t>(buffer_published_, 0));
    for (;;) {
        WEIR_ASSIGN(const auto head, bytes(position, batch_header_bytes, settled));
        const auto header = read_header(head);
        const bool sure = settled == published;
        if (!sure && (!header || header->base_offset >= settled)) {
            settled = published;
            continue;
        }
        if (head.empty()) return Step{};
        if (!header) return Step{.kind = Step::Kind::damaged};
        WEIR_ASSIGN(const auto whole, bytes(position, header->bytes, settled));
        if (whole.size() < header->bytes) {
            if (sure) return Step{.kind = Step::Kind::damaged, .header = *header};
            settled = published;
            continue;
        }
        return Step{.kind = Step::Kind::batch,
                    .header = *header,
                    .header_read = true,
                    .payload = whole.substr(batch_header_bytes)};
    }
}

Result<SegmentReader::Step> SegmentReader::header_at(std::uint64_t position) {
    std::array<char, batch_header_bytes> bytes;
    WEIR_ASSIGN(const auto got, read(position, bytes.data(), bytes.size()));
    if (got == 0) return Step{};
    const auto header = read_header({bytes.data(), got});
    if (!header) return Step{.kind = Step::Kind::damaged};
    return Step{.kind = Step::Kind::batch, .header = *header, .header_read = true};
}

Result<std::optional<std::uint64_t>> SegmentReader::next_whole(std::uint64_t position, std::int64_t least_offset) {
    const auto wanted = batch_magic();
    std::string window(read_ahead, '\0');
    std::string buffer;
    // Looked at without knowing what is settled: nothing of it may be taken for read later.
    const auto forget = [&] {
        buffer_size_ = 0;
        buffer_published_ = -1;
    };
    forget();
    for (;;) {
        WEIR_ASSIGN(const auto got, read(position, window.data(), window.size()));
        const std::string_view text(window.data(), got);
        for (auto found = text.find(wanted); found != std::string_view::npos; found = text.find(wanted, found + 1)) {
            const auto candidate = position + found;
            WEIR_ASSIGN(const auto step, at(candidate, INT64_MAX));
            std::string_view raw;
            const bool whole = step.kind == Step::Kind::batch && step.header.base_offset >= least_offset &&
                               open_payload(step.header, step.payload, buffer, raw);
            if (!whole) continue;
            forget();
            return std::optional(candidate);
        }
        if (got < window.size()) {
            forget();
            return std::optional<std::uint64_t>();
        }
        position += got - (wanted.size() - 1);
    }
}

Result<std::optional<HeaderWalk::Stop>> HeaderWalk::next() {
    WEIR_ASSIGN(auto step, segment_.header_at(place_));
    WEIR_ASSIGN(const auto size, segment_.size());
    bool follows = step.kind == SegmentReader::Step::Kind::batch && step.header.base_offset == expected_;
    if (place_ == size) {
        if (!last_) return std::optional<Stop>();
        // The last length is right if what it spans is.
        std::string buffer;
        std::string_view raw;
        WEIR_ASSIGN(const auto last, segment_.at(*last_, expected_));
        if (last.kind == SegmentReader::Step::Kind::batch && open_payload(last.header, last.payload, buffer, raw))
            return std::optional<Stop>();
        follows = false;
    }
    if (!follows) {
        WEIR_ASSIGN(const auto whole, segment_.next_whole(last_ ? *last_ + 1 : place_, 0));
        if (!whole) return std::optional<Stop>();
        place_ = *whole;
        WEIR_ASSIGN(step, segment_.header_at(place_));
    }
    last_ = place_;
    place_ += step.header.bytes;
    expected_ = step.header.end_offset();
    return std::optional(Stop{*last_, step.header});
}

}  // namespace weir::source::log

#include "source/files/decode.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/file.h"

namespace weir::source {
namespace {

using declare::Compression;
using declare::Encoding;

std::int64_t mtime_ns_of(const struct stat& status) {
    return std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

Error unreadable(const std::string& path, std::string_view what, int error_number) {
    return {.code = ErrorCode::input_unreadable,
            .message = fmt::format("cannot {} {}: {}", what, path, std::strerror(error_number)),
            .hint = "check that the file is there and that this user may read it"};
}

Error changed(const std::string& path, std::string_view how) {
    return {.code = ErrorCode::input_changed,
            .message = fmt::format("{} changed while it was read: {}", path, how),
            .hint = "let its writer finish (write to a temporary name, then rename), and run again"};
}

// The raw bytes of a file, hashed in the order they are read; never past the size that the file had when it was opened.
class RawFile {
public:
    static Result<RawFile> open(const std::string& path) {
        RawFile raw;
        raw.path_ = path;
        raw.file_ = FileHandle(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!raw.file_.open()) return unreadable(path, "open", errno);
        struct stat status {};
        if (::fstat(raw.file_.get(), &status) != 0) return unreadable(path, "look at", errno);
        if (S_ISDIR(status.st_mode)) return unreadable(path, "read", EISDIR);
        raw.size_ = static_cast<std::uint64_t>(status.st_size);
        raw.mtime_ns_ = mtime_ns_of(status);
        if (raw.size_ > (1u << 20)) ::posix_fadvise(raw.file_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
        return raw;
    }

    // At most `room` bytes, never across `stop`; 0 at the end.
    Result<std::size_t> read(char* to, std::size_t room, std::uint64_t stop) {
        const auto until = offset_ < stop ? std::min(stop, size_) : size_;
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(room, until - offset_));
        std::size_t got = 0;
        while (got < wanted) {
            const auto n = ::read(file_.get(), to + got, wanted - got);
            if (n < 0) {
                if (errno == EINTR) continue;
                return unreadable(path_, "read", errno);
            }
            if (n == 0) return changed(path_, fmt::format("it ends at byte {} and had {}", offset_ + got, size_));
            got += static_cast<std::size_t>(n);
        }
        sha_.update({to, got});
        offset_ += got;
        return got;
    }

    Status check_unchanged() const {
        struct stat status {};
        if (::fstat(file_.get(), &status) != 0) return unreadable(path_, "look at", errno);
        if (static_cast<std::uint64_t>(status.st_size) != size_)
            return changed(path_, fmt::format("it had {} bytes and has {}", size_, status.st_size));
        if (mtime_ns_of(status) != mtime_ns_) return changed(path_, "its modification time moved");
        return ok();
    }

    bool at_end() const { return offset_ == size_; }
    std::uint64_t offset() const { return offset_; }
    std::uint64_t size() const { return size_; }
    std::int64_t mtime_ns() const { return mtime_ns_; }
    std::string sha256() const { return sha_.hex(); }
    const std::string& path() const { return path_; }

private:
    std::string path_;
    FileHandle file_;
    Sha256 sha_;
    std::uint64_t size_ = 0;
    std::uint64_t offset_ = 0;
    std::int64_t mtime_ns_ = 0;
};

// Raw bytes to plain bytes. `read` gives 0 only at the end; `at_boundary` is whether the input so far is complete.
class Decompressor {
public:
    virtual ~Decompressor() = default;
    virtual Result<std::size_t> read(RawFile& raw, std::uint64_t stop, char* to, std::size_t room) = 0;
    // Whether all raw bytes that were read have been turned into text.
    virtual bool drained() const = 0;
    virtual bool complete() const = 0;
};

class NoCompression final : public Decompressor {
public:
    explicit NoCompression(std::string head) : head_(std::move(head)) {}
    Result<std::size_t> read(RawFile& raw, std::uint64_t stop, char* to, std::size_t room) override {
        if (head_at_ < head_.size()) {
            const auto n = std::min(room, head_.size() - head_at_);
            std::memcpy(to, head_.data() + head_at_, n);
            head_at_ += n;
            if (n == room || (raw.offset() == stop && stop > 0)) return n;
            WEIR_ASSIGN(const auto more, raw.read(to + n, room - n, stop));
            return n + more;
        }
        return raw.read(to, room, stop);
    }
    bool drained() const override { return head_at_ == head_.size(); }
    bool complete() const override { return true; }

private:
    std::string head_;
    std::size_t head_at_ = 0;
};

class InputBuffer {
public:
    explicit InputBuffer(std::string head) : bytes_(std::move(head)), end_(bytes_.size()) {}
    // False at the stop or at the end.
    Result<bool> refill(RawFile& raw, std::uint64_t stop) {
        if (bytes_.size() < size) bytes_.resize(size);
        WEIR_ASSIGN(end_, raw.read(bytes_.data(), size, stop));
        at_ = 0;
        return end_ > 0;
    }
    const char* data() const { return bytes_.data() + at_; }
    std::size_t left() const { return end_ - at_; }
    void take(std::size_t count) { at_ += count; }

private:
    static constexpr std::size_t size = 256 * 1024;
    std::string bytes_;
    std::size_t at_ = 0;
    std::size_t end_;
};

Error broken(const RawFile& raw, std::size_t unread, std::string_view format, std::string_view what) {
    return {.code = ErrorCode::input_malformed,
            .message = fmt::format("{}: the {} data {} at byte {} of {}", raw.path(), format, what,
                                   raw.offset() - unread, raw.size()),
            .hint = "the file is damaged or was copied incompletely; fetch it again"};
}

class Gunzip final : public Decompressor {
public:
    explicit Gunzip(std::string head) : input_(std::move(head)) { inflateInit2(&stream_, 15 + 16); }
    ~Gunzip() override { inflateEnd(&stream_); }

    Result<std::size_t> read(RawFile& raw, std::uint64_t stop, char* to, std::size_t room) override {
        std::size_t made = 0;
        while (made < room) {
            if (input_.left() == 0 && !pending_output_) {
                // Text from before the stop is never mixed with text from behind it.
                if (stop > 0 && raw.offset() == stop) return made;
                WEIR_ASSIGN(const bool more, input_.refill(raw, stop));
                if (!more) {
                    if (in_member_ && raw.at_end()) return broken(raw, 0, "gzip", "breaks off");
                    return made;
                }
            }
            if (!in_member_) {
                if (any_member_ && *input_.data() == '\0') {  // padding behind the last member
                    input_.take(1);
                    continue;
                }
                if (inflateReset(&stream_) != Z_OK) return broken(raw, input_.left(), "gzip", "cannot be read");
                in_member_ = true;
                any_member_ = true;
            }
            const auto before = input_.left();
            stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input_.data()));
            stream_.avail_in = static_cast<uInt>(before);
            stream_.next_out = reinterpret_cast<Bytef*>(to + made);
            const auto out = static_cast<uInt>(std::min<std::size_t>(room - made, 1u << 30));
            stream_.avail_out = out;
            const int state = inflate(&stream_, Z_NO_FLUSH);
            input_.take(before - stream_.avail_in);
            made += out - stream_.avail_out;
            pending_output_ = state == Z_OK && stream_.avail_out == 0;
            if (state == Z_STREAM_END)
                in_member_ = false;
            else if (state == Z_BUF_ERROR)
                pending_output_ = false;
            else if (state != Z_OK)
                return broken(raw, input_.left(), "gzip", "is damaged");
        }
        return made;
    }
    bool drained() const override { return input_.left() == 0 && !pending_output_; }
    bool complete() const override { return !in_member_; }

private:
    z_stream stream_{};
    InputBuffer input_;
    bool in_member_ = false;
    bool any_member_ = false;
    bool pending_output_ = false;
};

class Unzstd final : public Decompressor {
public:
    explicit Unzstd(std::string head) : context_(ZSTD_createDCtx()), input_(std::move(head)) {}
    ~Unzstd() override { ZSTD_freeDCtx(context_); }

    Result<std::size_t> read(RawFile& raw, std::uint64_t stop, char* to, std::size_t room) override {
        std::size_t made = 0;
        while (made < room) {
            if (input_.left() == 0 && !pending_output_) {
                if (stop > 0 && raw.offset() == stop) return made;
                WEIR_ASSIGN(const bool more, input_.refill(raw, stop));
                if (!more) {
                    if (in_frame_ && raw.at_end()) return broken(raw, 0, "zstd", "breaks off");
                    return made;
                }
            }
            ZSTD_inBuffer in{input_.data(), input_.left(), 0};
            ZSTD_outBuffer out{to + made, room - made, 0};
            const auto state = ZSTD_decompressStream(context_, &out, &in);
            if (ZSTD_isError(state)) return broken(raw, input_.left(), "zstd", "is damaged");
            input_.take(in.pos);
            made += out.pos;
            in_frame_ = state != 0;
            pending_output_ = in_frame_ && out.pos == out.size;
            if (in.pos == 0 && out.pos == 0) pending_output_ = false;
        }
        return made;
    }
    bool drained() const override { return input_.left() == 0 && !pending_output_; }
    bool complete() const override { return !in_frame_; }

private:
    ZSTD_DCtx* context_;
    InputBuffer input_;
    bool in_frame_ = false;
    bool pending_output_ = false;
};

char* put_utf8(char* to, std::uint32_t c) {
    if (c < 0x80) {
        *to++ = static_cast<char>(c);
    } else if (c < 0x800) {
        *to++ = static_cast<char>(0xC0 | (c >> 6));
        *to++ = static_cast<char>(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *to++ = static_cast<char>(0xE0 | (c >> 12));
        *to++ = static_cast<char>(0x80 | ((c >> 6) & 0x3F));
        *to++ = static_cast<char>(0x80 | (c & 0x3F));
    } else {
        *to++ = static_cast<char>(0xF0 | (c >> 18));
        *to++ = static_cast<char>(0x80 | ((c >> 12) & 0x3F));
        *to++ = static_cast<char>(0x80 | ((c >> 6) & 0x3F));
        *to++ = static_cast<char>(0x80 | (c & 0x3F));
    }
    return to;
}

constexpr std::array<std::uint16_t, 32> windows1252_high = {
    0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};

// Plain bytes in an encoding to UTF-8. Keeps the bytes of a character that is not complete yet.
class Transcoder {
public:
    explicit Transcoder(Encoding encoding) : encoding_(encoding) {}
    static constexpr std::size_t growth = 3;  // bytes of UTF-8 for one byte of input, at most

    std::size_t run(std::string_view from, char* to) {
        char* at = to;
        if (encoding_ == Encoding::windows1252) {
            for (const char c : from) {
                const auto byte = static_cast<unsigned char>(c);
                at = put_utf8(at, byte >= 0x80 && byte < 0xA0 ? windows1252_high[byte - 0x80] : byte);
            }
            return static_cast<std::size_t>(at - to);
        }
        for (const char c : from) {
            const auto byte = static_cast<unsigned char>(c);
            if (!half_unit_) {
                first_byte_ = byte;
                half_unit_ = true;
                continue;
            }
            half_unit_ = false;
            at = unit(encoding_ == Encoding::utf16be ? static_cast<std::uint16_t>(first_byte_ << 8 | byte)
                                                     : static_cast<std::uint16_t>(byte << 8 | first_byte_),
                      at);
        }
        return static_cast<std::size_t>(at - to);
    }

    // What is left at the end: at most six bytes, none of them valid UTF-8.
    std::size_t end(char* to) {
        char* at = to;
        if (high_ != 0) at = put_utf8(at, high_);
        if (half_unit_) *at++ = '\xFF';
        high_ = 0;
        half_unit_ = false;
        return static_cast<std::size_t>(at - to);
    }
    bool clean() const { return !half_unit_ && high_ == 0; }

private:
    char* unit(std::uint16_t value, char* at) {
        if (high_ != 0) {
            const auto high = std::exchange(high_, std::uint16_t{0});
            if (value >= 0xDC00 && value < 0xE000)
                return put_utf8(at, 0x10000 + ((std::uint32_t{high} - 0xD800) << 10) + (value - 0xDC00u));
            at = put_utf8(at, high);
        }
        if (value >= 0xD800 && value < 0xDC00) {
            high_ = value;
            return at;
        }
        return put_utf8(at, value);
    }

    Encoding encoding_;
    bool half_unit_ = false;
    unsigned char first_byte_ = 0;
    std::uint16_t high_ = 0;
};

class Decoder final : public DecodedFile {
public:
    Decoder(RawFile raw, DecodeOptions options) : raw_(std::move(raw)), options_(options) {}

    Status begin() {
        if (raw_.size() < options_.start_offset)
            return changed(raw_.path(),
                           fmt::format("it has {} bytes and {} were taken before", raw_.size(), options_.start_offset));
        std::string head(4, '\0');
        WEIR_ASSIGN(const auto got, raw_.read(head.data(), head.size(), options_.start_offset));
        head.resize(got);
        auto compression = options_.compression;
        if (compression == Compression::detect) {
            compression = head.starts_with("\x1f\x8b")           ? Compression::gzip
                          : head.starts_with("\x28\xb5\x2f\xfd") ? Compression::zstd
                                                                 : Compression::none;
        }
        compressed_ = compression != Compression::none;
        if (compression == Compression::gzip)
            decompressor_ = std::make_unique<Gunzip>(std::move(head));
        else if (compression == Compression::zstd)
            decompressor_ = std::make_unique<Unzstd>(std::move(head));
        else
            decompressor_ = std::make_unique<NoCompression>(std::move(head));
        return ok();
    }

    Result<std::size_t> read(char* to, std::size_t room) override {
        for (;;) {
            before_start_ = before_start_now();
            WEIR_ASSIGN(const auto made, read_text(to, room));
            if (made > 0) return made;
            if (!before_start_) return made;
            // Everything up to the start has been given.
            if (!decompressor_->complete() || (transcoder_ && !transcoder_->clean()))
                return changed(raw_.path(), fmt::format("its first {} bytes, which were taken before, do not end where "
                                                        "its compressed or encoded data may be split",
                                                        options_.start_offset));
            start_passed_ = true;
        }
    }

    bool before_start() const override { return before_start_; }
    std::uint64_t raw_bytes() const override { return raw_.offset(); }
    int mark_bytes() const override { return mark_bytes_; }
    bool verbatim() const override { return !compressed_ && !transcoder_; }
    Status finish() override { return raw_.check_unchanged(); }
    std::string sha256() const override { return raw_.sha256(); }
    std::uint64_t size() const override { return raw_.size(); }
    std::int64_t mtime_ns() const override { return raw_.mtime_ns(); }

private:
    bool before_start_now() const { return options_.start_offset > 0 && !start_passed_; }
    std::uint64_t stop() const { return before_start_now() ? options_.start_offset : 0; }

    // While before the start, reading ends there; afterwards the stop lies behind us.
    Result<std::size_t> plain(char* to, std::size_t room) {
        if (before_start_now() && raw_.offset() == options_.start_offset && decompressor_->drained())
            return std::size_t{0};
        return decompressor_->read(raw_, stop(), to, room);
    }

    Result<std::size_t> read_text(char* to, std::size_t room) {
        if (!encoding_known_) {
            // Four bytes decide; they may arrive in several reads of a compressed file.
            std::string head;
            while (head.size() < 4) {
                std::array<char, 16> some;
                WEIR_ASSIGN(const auto n, plain(some.data(), 4 - head.size()));
                if (n == 0) break;
                head.append(some.data(), n);
            }
            settle_encoding(head);
            WEIR_ASSIGN(const auto made, give(head.substr(static_cast<std::size_t>(mark_bytes_)), to));
            if (made > 0) return made;
        }
        if (!transcoder_) return plain(to, room);
        // What remains at the end of the input needs a few bytes.
        const auto part = std::max<std::size_t>((room - 8) / Transcoder::growth, 1);
        buffer_.resize(part);
        for (;;) {
            WEIR_ASSIGN(const auto n, plain(buffer_.data(), part));
            if (n == 0) return before_start_now() ? std::size_t{0} : transcoder_->end(to);
            const auto made = transcoder_->run({buffer_.data(), n}, to);
            if (made > 0) return made;
        }
    }

    Result<std::size_t> give(std::string_view text, char* to) {
        if (transcoder_) return transcoder_->run(text, to);
        std::memcpy(to, text.data(), text.size());
        return text.size();
    }

    void settle_encoding(std::string_view head) {
        encoding_known_ = true;
        auto encoding = options_.encoding;
        if (head.starts_with("\xEF\xBB\xBF")) {
            encoding = Encoding::utf8;
            mark_bytes_ = 3;
        } else if (head.starts_with("\xFF\xFE")) {
            encoding = Encoding::utf16le;
            mark_bytes_ = 2;
        } else if (head.starts_with("\xFE\xFF")) {
            encoding = Encoding::utf16be;
            mark_bytes_ = 2;
        }
        if (encoding != Encoding::utf8 && encoding != Encoding::detect) transcoder_.emplace(encoding);
    }

    RawFile raw_;
    DecodeOptions options_;
    std::unique_ptr<Decompressor> decompressor_;
    std::optional<Transcoder> transcoder_;
    std::string buffer_;
    bool compressed_ = false;
    bool encoding_known_ = false;
    bool start_passed_ = false;
    bool before_start_ = false;
    int mark_bytes_ = 0;
};

}  // namespace

Result<std::unique_ptr<DecodedFile>> DecodedFile::open(const std::string& path, const DecodeOptions& options) {
    WEIR_ASSIGN(auto raw, RawFile::open(path));
    auto decoder = std::make_unique<Decoder>(std::move(raw), options);
    WEIR_TRY(decoder->begin());
    return std::unique_ptr<DecodedFile>(std::move(decoder));
}

Result<std::string> hash_prefix(const std::string& path, std::uint64_t bytes) {
    WEIR_ASSIGN(auto raw, RawFile::open(path));
    if (raw.size() < bytes)
        return changed(path, fmt::format("it has {} bytes and {} were taken before", raw.size(), bytes));
    std::string buffer(256 * 1024, '\0');
    while (raw.offset() < bytes)
        WEIR_TRY([&]() -> Status {
            WEIR_ASSIGN(const auto got, raw.read(buffer.data(), buffer.size(), bytes));
            static_cast<void>(got);
            return ok();
        }());
    return raw.sha256();
}

}  // namespace weir::source

#include "lake/read/deletion_vector.h"

#include <fmt/format.h>
#include <zlib.h>

#include <bit>
#include <cstring>

#include "base/limits.h"
#include "lake/damaged.h"
#include "lake/log/paths.h"
#include "lake/read/z85.h"

namespace weir::lake {
namespace {

constexpr std::uint32_t portable_magic = 1681511377;
constexpr std::uint32_t cookie_without_runs = 12346;
constexpr std::uint32_t cookie_with_runs = 12347;
constexpr std::uint32_t array_values_max = 4096;      // more than these make a bitmap container
constexpr std::uint32_t offsets_from_containers = 4;  // with runs, smaller bitmaps carry no offset table

// Little-endian numbers from the front of a text; stays at its end once a read went past it.
class ByteReader {
public:
    explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}
    template <class T>
    T take() {
        T value{};
        if (bytes_.size() < sizeof(T)) {
            failed_ = true;
            bytes_ = {};
            return value;
        }
        static_assert(std::endian::native == std::endian::little);
        std::memcpy(&value, bytes_.data(), sizeof(T));
        bytes_.remove_prefix(sizeof(T));
        return value;
    }
    std::string_view take_bytes(std::size_t count) {
        if (bytes_.size() < count) {
            failed_ = true;
            count = bytes_.size();
        }
        const auto taken = bytes_.substr(0, count);
        bytes_.remove_prefix(count);
        return taken;
    }
    bool failed() const { return failed_; }
    std::size_t left() const { return bytes_.size(); }

private:
    std::string_view bytes_;
    bool failed_ = false;
};

struct ContainerHead {
    std::uint16_t key;
    std::uint32_t cardinality;
    bool runs;
};

void decode_container(ByteReader& reader, const ContainerHead& head, std::int64_t base,
                      std::vector<std::int64_t>& rows) {
    const auto limit = rows.size() + head.cardinality;
    if (head.runs) {
        const auto count = reader.take<std::uint16_t>();
        for (std::uint32_t i = 0; i < count && !reader.failed(); ++i) {
            const std::int64_t start = reader.take<std::uint16_t>();
            const std::int64_t more = reader.take<std::uint16_t>();
            // Runs that overlap could unfold to gigabytes: the container says how many rows it holds.
            if (rows.size() + static_cast<std::size_t>(more) + 1 > limit) {
                rows.resize(limit + 1);
                return;
            }
            for (std::int64_t value = start; value <= start + more && value <= 0xFFFF; ++value)
                rows.push_back(base + value);
        }
    } else if (head.cardinality <= array_values_max) {
        for (std::uint32_t i = 0; i < head.cardinality && !reader.failed(); ++i)
            rows.push_back(base + reader.take<std::uint16_t>());
    } else {
        for (std::int64_t word = 0; word < 1024 && !reader.failed(); ++word) {
            for (auto bits = reader.take<std::uint64_t>(); bits != 0; bits &= bits - 1)
                rows.push_back(base + word * 64 + std::countr_zero(bits));
        }
    }
}

// One 32-bit bitmap in Roaring's portable format.
Status decode_bitmap(ByteReader& reader, std::int64_t high, std::vector<std::int64_t>& rows) {
    const auto cookie = reader.take<std::uint32_t>();
    const bool with_runs = (cookie & 0xFFFF) == cookie_with_runs;
    if (!with_runs && cookie != cookie_without_runs)
        return damaged(fmt::format("the bitmap begins with {} and not with a Roaring cookie", cookie));
    const std::uint32_t size = with_runs ? (cookie >> 16) + 1 : reader.take<std::uint32_t>();
    if (size > 65536) return damaged(fmt::format("the bitmap claims {} containers", size));
    const auto run_flags = with_runs ? reader.take_bytes((size + 7) / 8) : std::string_view();
    std::vector<ContainerHead> heads;
    for (std::uint32_t i = 0; i < size && !reader.failed(); ++i) {
        const auto key = reader.take<std::uint16_t>();
        const auto cardinality = reader.take<std::uint16_t>() + 1u;
        const bool runs = i / 8 < run_flags.size() && (static_cast<unsigned char>(run_flags[i / 8]) >> i % 8 & 1) != 0;
        heads.push_back({key, cardinality, runs});
    }
    if (!with_runs || size >= offsets_from_containers) reader.take_bytes(std::size_t{size} * 4);
    for (const auto& head : heads) {
        const auto before = rows.size();
        decode_container(reader, head, high << 32 | std::int64_t{head.key} << 16, rows);
        if (reader.failed()) break;
        if (rows.size() - before != head.cardinality)
            return damaged(fmt::format("a container holds {} rows and not {}", rows.size() - before, head.cardinality));
    }
    if (reader.failed()) return damaged("the bitmap ends too early");
    return ok();
}

std::uint32_t big_endian(std::string_view four) {
    std::uint32_t value = 0;
    for (const char c : four.substr(0, 4)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
}

// The payload inside a vector file, after its size and checksum were compared.
Result<std::string_view> payload_of(std::string_view file, const DeletionVectorRef& ref) {
    const auto offset = static_cast<std::size_t>(ref.offset.value_or(1));
    if (file.empty() || file[0] != 1)
        return damaged(fmt::format("has the format version {}", file.empty() ? -1 : int{file[0]}));
    if (ref.offset.value_or(1) < 1 || offset > file.size() || file.size() - offset < 8)
        return damaged(fmt::format("holds {} bytes, too few for the vector at {}", file.size(), offset));
    const auto size = big_endian(file.substr(offset));
    if (std::int64_t{size} != ref.size_bytes || file.size() - offset - 8 < size)
        return damaged(fmt::format("says {} bytes at {}, the log says {}", size, offset, ref.size_bytes));
    const auto payload = file.substr(offset + 4, size);
    const auto crc = ::crc32(0, reinterpret_cast<const Bytef*>(payload.data()), static_cast<uInt>(payload.size()));
    if (crc != big_endian(file.substr(offset + 4 + size))) return damaged("does not match its checksum");
    return payload;
}

Result<std::string> read_vector_file(ObjectStore& store, const DeletionVectorRef& ref, std::string& name) {
    if (ref.storage == "u") {
        WEIR_ASSIGN(const auto path, deletion_vector_path(ref.path_or_inline));
        name = store.url(path);
        return store.get(path);
    }
    const auto path = decode_data_path(ref.path_or_inline);
    if (!path || !path->absolute) {
        return Error{
            .code = ErrorCode::table_unsupported,
            .message = fmt::format("the deletion vector {} lies in a place that weir cannot read", ref.path_or_inline)};
    }
    name = path->text;
    return read_file(path->text, limits::log_entry_bytes_max);
}

}  // namespace

Result<std::vector<std::int64_t>> decode_deletion_vector(std::string_view payload) {
    ByteReader reader(payload);
    if (const auto magic = reader.take<std::uint32_t>(); magic != portable_magic)
        return damaged(fmt::format("begins with {} and not with {}", magic, portable_magic));
    const auto buckets = reader.take<std::uint64_t>();
    if (reader.failed()) return damaged("ends too early");
    // Each bucket takes at least its key, cookie and size.
    if (buckets > reader.left() / 8) return damaged(fmt::format("claims {} buckets", buckets));
    std::vector<std::int64_t> rows;
    std::int64_t last = -1;
    for (std::uint64_t i = 0; i < buckets; ++i) {
        const std::int64_t high = reader.take<std::uint32_t>();
        if (high <= last || high > 0x7FFFFFFF) return damaged("has its buckets out of order");
        last = high;
        WEIR_TRY(decode_bitmap(reader, high, rows));
    }
    return rows;
}

Result<std::string> deletion_vector_path(std::string_view path_or_inline) {
    if (path_or_inline.size() < 20)
        return damaged(fmt::format("'{}' is too short for a deletion vector's name", path_or_inline));
    const auto prefix = path_or_inline.substr(0, path_or_inline.size() - 20);
    const auto uuid = z85_decode(path_or_inline.substr(prefix.size()));
    if (!uuid) return damaged(fmt::format("'{}' does not end in a Z85 UUID", path_or_inline));
    std::string text;
    for (std::size_t i = 0; i < uuid->size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
        text += fmt::format("{:02x}", static_cast<unsigned char>((*uuid)[i]));
    }
    return fmt::format("{}{}deletion_vector_{}.bin", prefix, prefix.empty() ? "" : "/", text);
}

Result<std::vector<std::int64_t>> read_deletion_vector(ObjectStore& store, const DeletionVectorRef& ref) {
    Result<std::vector<std::int64_t>> rows = std::vector<std::int64_t>();
    std::string name = "in the log";
    if (ref.storage == "i") {
        const auto bytes = z85_decode(ref.path_or_inline);
        if (!bytes || ref.size_bytes < 0 || static_cast<std::size_t>(ref.size_bytes) > bytes->size())
            return damaged(fmt::format("the inline deletion vector '{}' is no Z85 text of {} bytes",
                                       ref.path_or_inline.substr(0, 40), ref.size_bytes));
        rows = decode_deletion_vector(std::string_view(*bytes).substr(0, static_cast<std::size_t>(ref.size_bytes)));
    } else if (ref.storage == "u" || ref.storage == "p") {
        WEIR_ASSIGN(const auto file, read_vector_file(store, ref, name));
        const auto payload = payload_of(file, ref);
        rows = payload ? decode_deletion_vector(*payload) : Result<std::vector<std::int64_t>>(payload.error());
    } else {
        return Error{.code = ErrorCode::table_unsupported,
                     .message = fmt::format("the deletion vector storage '{}' is not supported", ref.storage)};
    }
    if (!rows) {
        rows.error().message = fmt::format("the deletion vector {} {}", name, rows.error().message);
        return rows;
    }
    if (static_cast<std::int64_t>(rows->size()) != ref.cardinality) {
        return damaged(
            fmt::format("the deletion vector {} holds {} rows, the log says {}", name, rows->size(), ref.cardinality));
    }
    return rows;
}

}  // namespace weir::lake

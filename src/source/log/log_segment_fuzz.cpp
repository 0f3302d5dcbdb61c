// Any bytes as records, as a compressed batch and as a whole segment: nothing is read beyond them, recovery and readers
// agree, and what recovery keeps stays when it is recovered again.
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "base/limits.h"
#include "source/log/reader.h"

using namespace weir;
using namespace weir::source::log;

namespace {

void read_as_records(std::string_view bytes) {
    if (bytes.size() < 2) return;
    const BatchHeader header{
        .bytes = batch_header_bytes,
        .offsets = static_cast<std::uint8_t>(bytes[0]) + 1u,
        .records = static_cast<std::uint8_t>(bytes[1]) % (static_cast<std::uint8_t>(bytes[0]) + 2u)};
    RecordCursor cursor(header, bytes.substr(2));
    RecordView record;
    BatchBuilder builder;
    std::int64_t last = -1;
    for (;;) {
        const auto step = cursor.next(record);
        if (step != RecordCursor::Step::record) return;
        if (record.offset <= last || record.offset >= header.end_offset()) std::abort();
        last = record.offset;
        if (record.headers().size() != record.header_count) std::abort();
    }
}

void read_as_compressed(std::string_view bytes) {
    if (bytes.size() < 4) return;
    const auto codec = static_cast<Codec>(static_cast<std::uint8_t>(bytes[0]) % 3);
    const std::size_t size = (static_cast<std::uint8_t>(bytes[1]) << 8) + static_cast<std::uint8_t>(bytes[2]);
    std::string raw;
    if (decompress(codec, bytes.substr(3), size, raw) && raw.size() != size) std::abort();
}

const fs::path& scratch() {
    static const fs::path folder = [] {
        std::string path = (fs::temp_directory_path() / "weir-log-fuzz-XXXXXX").string();
        if (::mkdtemp(path.data()) == nullptr) std::abort();
        return fs::path(path);
    }();
    return folder;
}

// A segment whose head is right, with these bytes behind it; of each batch the checksums are put right, where there is
// room for a header, so that what lies behind them is reached.
void read_as_segment(std::string_view bytes) {
    auto text = encode_head({});
    auto rest = std::string(bytes);
    for (std::size_t at = 0; at + batch_header_bytes < rest.size();) {
        BatchHeader header;
        header.bytes = static_cast<std::uint32_t>(batch_header_bytes + static_cast<std::uint8_t>(rest[at]) % 64);
        if (at + header.bytes > rest.size()) break;
        header.base_offset = static_cast<std::uint8_t>(rest[at + 1]) % 16;
        header.offsets = static_cast<std::uint8_t>(rest[at + 2]) % 4 + 1u;
        header.records = static_cast<std::uint8_t>(rest[at + 3]) % 4;
        header.group_back = static_cast<std::uint8_t>(rest[at + 4]) % 2;
        header.raw_bytes = static_cast<std::uint32_t>(header.payload_bytes());
        header.payload_hash = hash_of(std::string_view(rest).substr(at + batch_header_bytes, header.payload_bytes()));
        if (rest[at + 5] != 'x') write_header(header, rest.data() + at);
        at += header.bytes;
    }
    text += rest;
    const auto path = scratch() / segment_name(0);
    {
        const FileHandle file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
        if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
    }
    auto segment = SegmentReader::open(scratch(), 0);
    if (!segment) std::abort();
    const auto found = recover(*segment, std::nullopt);
    if (!found || found->position + found->torn_bytes != text.size()) std::abort();
    HeaderWalk walk(*segment);
    for (int i = 0;; ++i) {
        const auto stop = walk.next();
        if (!stop) std::abort();
        if (!*stop) break;
        if (i > 100'000) std::abort();
    }
    if (::truncate(path.c_str(), static_cast<off_t>(found->position)) != 0) std::abort();
    auto again = SegmentReader::open(scratch(), 0);
    const auto same = again.ok() ? recover(*again, std::nullopt) : again.error();
    if (!same || same->end_offset != found->end_offset || same->torn_bytes != 0) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(bytes), size);
    static_cast<void>(read_head(text));
    static_cast<void>(read_header(text));
    static_cast<void>(Producers::decode(text));
    read_as_records(text);
    read_as_compressed(text);
    read_as_segment(text);
    return 0;
}

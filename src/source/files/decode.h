// The bytes of one input file as UTF-8 text: decompressed, transcoded, hashed on the way.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/sha256.h"
#include "declare/project.h"

namespace weir::source {

struct DecodeOptions {
    declare::Compression compression = declare::Compression::detect;  // detect: by the file's first bytes
    declare::Encoding encoding = declare::Encoding::detect;           // detect: by a byte order mark, else UTF-8
    std::uint64_t start_offset = 0;                                   // raw bytes that were taken before
};

// Driven by one thread at a time: open → read* → finish.
class DecodedFile {
public:
    // input_unreadable if the file cannot be opened, is a directory, or is shorter than `start_offset`.
    static Result<std::unique_ptr<DecodedFile>> open(const std::string& path, const DecodeOptions& options);
    virtual ~DecodedFile() = default;

    // Writes at most `room` (at least 16) bytes of text to `to`; 0 means the end. Bytes that are no valid UTF-8 are
    // passed on as they are (half a UTF-16 pair as its three-byte form, which is not valid either). input_malformed
    // names the raw offset at which a compressed file breaks off.
    virtual Result<std::size_t> read(char* to, std::size_t room) = 0;
    // Whether what the last read() gave lies before the start offset; no read() gives text from both sides of it.
    virtual bool before_start() const = 0;
    // Raw bytes read so far.
    virtual std::uint64_t raw_bytes() const = 0;
    // Bytes of a byte order mark that was dropped.
    virtual int mark_bytes() const = 0;
    // Whether offsets in the text are offsets in the file.
    virtual bool verbatim() const = 0;
    // After the end: input_changed if size or time of the file moved since open().
    virtual Status finish() = 0;
    // SHA-256 of the raw bytes so far, hex.
    virtual std::string sha256() const = 0;
    virtual std::uint64_t size() const = 0;
    virtual std::int64_t mtime_ns() const = 0;
};

// SHA-256 of the first `bytes` raw bytes; input_changed if the file is shorter.
Result<std::string> hash_prefix(const std::string& path, std::uint64_t bytes);

}  // namespace weir::source

// An answer on its way: in memory while it is small, then in a file without a name; compressed as it comes.
#pragma once

#include <string>

#include "base/file.h"
#include "serve/http/compress.h"
#include "serve/http/exchange.h"

namespace weir::serve {

class Spool {
public:
    // `folder` is where a large answer lies; the system's folder for temporary files where that cannot be written.
    Spool(fs::path folder, http::Encoding encoding, std::uint64_t bytes_max);
    // Fails with refused where the answer becomes larger than `bytes_max`.
    Status write(std::string_view bytes);
    // Moves what was written into the answer.
    Status finish(http::Response& response);

private:
    fs::path folder_;
    http::Compressor compressor_;
    std::uint64_t bytes_max_;
    std::string memory_;
    FileHandle file_;
    std::uint64_t size_ = 0;  // in the file
    Status flush();
};

// A new file without a name, for reading and writing.
Result<FileHandle> nameless_file(const fs::path& folder);

}  // namespace weir::serve

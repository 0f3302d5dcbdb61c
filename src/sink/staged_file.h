// A file that appears under its name whole or not at all.
//
//   staged ──► committed        commit(): sync, rename, sync of the directory
//      └─────► removed          the destructor, if nobody committed
//
// A link is followed: the file that it names is replaced. What is there and no regular file (a pipe, a device,
// /dev/stdout) is no name to put a file under: bytes go into it as they are written.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/file.h"

namespace weir::sink {

class StagedFile {
public:
    // Creates the directory of `path` and a temporary file beside it, or opens what `path` stands for. Opening a named
    // pipe waits for its reader.
    static Result<StagedFile> create(const fs::path& path);
    StagedFile(StagedFile&& other) noexcept;
    StagedFile& operator=(StagedFile&&) = delete;
    ~StagedFile();

    Status write(std::string_view bytes);
    // For writers that open the file by its name; empty where there is none to open.
    const fs::path& temporary() const { return temporary_; }
    // The size in bytes of what is now visible as `path`, or of what was written into it.
    Result<std::int64_t> commit() &&;

private:
    StagedFile(fs::path path, fs::path temporary, FileHandle file);
    fs::path path_;
    fs::path temporary_;  // empty once it is gone, and where bytes go into what is there
    FileHandle file_;
    std::int64_t written_ = 0;
};

}  // namespace weir::sink

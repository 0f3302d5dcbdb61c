// A file that appears under its name whole or not at all.
//
//   staged ──► committed        commit(): sync, rename, sync of the directory
//      └─────► removed          the destructor, if nobody committed
#pragma once

#include <cstdint>
#include <string_view>

#include "base/file.h"

namespace weir::sink {

class StagedFile {
public:
    // Creates the directory of `path` and a temporary file beside it.
    static Result<StagedFile> create(const fs::path& path);
    StagedFile(StagedFile&& other) noexcept;
    StagedFile& operator=(StagedFile&&) = delete;
    ~StagedFile();

    Status write(std::string_view bytes);
    // For writers that open the file by its name.
    const fs::path& temporary() const { return temporary_; }
    // The size in bytes of what is now visible as `path`.
    Result<std::int64_t> commit() &&;

private:
    StagedFile(fs::path path, fs::path temporary, FileHandle file);
    fs::path path_;
    fs::path temporary_;  // empty once it is gone
    FileHandle file_;
};

}  // namespace weir::sink

// The folder in which one process's DuckDB spills. It goes with its owner, and those of dead processes go too.
#pragma once

#include "base/file.h"

namespace weir::sql {

// A lock on the folder says that its owner lives; whoever makes a folder beside it removes those that nobody locks.
class SpillFolder {
public:
    // Makes a folder of our own in `root`, which is made where it does not exist.
    static Result<SpillFolder> make(const fs::path& root);
    SpillFolder(SpillFolder&& other) noexcept;
    SpillFolder& operator=(SpillFolder&& other) noexcept;
    ~SpillFolder();

    const fs::path& path() const { return path_; }

private:
    SpillFolder(fs::path path, FileHandle lock) : path_(std::move(path)), lock_(std::move(lock)) {}
    fs::path path_;
    FileHandle lock_;
};

}  // namespace weir::sql

// One running weir a lake: an advisory lock that the kernel releases when the process ends, however it ends.
#pragma once

#include <filesystem>

#include "base/file.h"

namespace weir::orchestrate {

class RunLock {
public:
    // Takes the lock of a lake, or fails at once with lake_locked and the owner's process id.
    static Result<RunLock> take(const std::filesystem::path& lake);

private:
    explicit RunLock(FileHandle file) : file_(std::move(file)) {}
    FileHandle file_;
};

}  // namespace weir::orchestrate

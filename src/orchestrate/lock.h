// Who may work on a lake: advisory locks that the kernel releases when the process ends, however it ends.
//
//   RunLock       one weir that runs, publishes or mends, a lake
//   SourceLock    a topic of Kafka: several that take it in as one group, or one that reads it to its end
//
// Processes that take in nothing but topics of Kafka need no RunLock: each of their commits stands for itself.
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

class SourceLock {
public:
    enum class Mode { shared, alone };
    // Takes it, or fails at once with lake_locked.
    static Result<SourceLock> take(const std::filesystem::path& lake, const std::string& name, Mode mode);

private:
    explicit SourceLock(FileHandle file) : file_(std::move(file)) {}
    FileHandle file_;
};

}  // namespace weir::orchestrate

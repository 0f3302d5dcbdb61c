#include "orchestrate/lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

namespace weir::orchestrate {

Result<RunLock> RunLock::take(const std::filesystem::path& lake) {
    const auto folder = lake / ".weir";
    WEIR_TRY(make_directories(folder));
    const auto path = folder / "lock";
    FileHandle file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (!file.open()) return io_error("open", path, errno);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return io_error("lock", path, errno);
        const auto owner = read_file(path, 64);
        return Error{.code = ErrorCode::lake_locked,
                     .message = fmt::format("another weir (process {}) is running on {}",
                                            owner && !owner->empty() ? *owner : "unknown", lake.string()),
                     .hint = "wait for it to end; reading with `weir sql` is possible meanwhile"};
    }
    // Only for the message above; the lock itself is the kernel's.
    const auto pid = std::to_string(::getpid());
    if (::ftruncate(file.get(), 0) != 0 || ::pwrite(file.get(), pid.data(), pid.size(), 0) < 0)
        return io_error("write", path, errno);
    return RunLock(std::move(file));
}

Result<SourceLock> SourceLock::take(const std::filesystem::path& lake, const std::string& name, Mode mode) {
    const auto folder = lake / ".weir" / "sources";
    WEIR_TRY(make_directories(folder));
    const auto path = folder / name;
    FileHandle file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (!file.open()) return io_error("open", path, errno);
    if (::flock(file.get(), (mode == Mode::shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0)
        return SourceLock(std::move(file));
    if (errno != EWOULDBLOCK) return io_error("lock", path, errno);
    return Error{.code = ErrorCode::lake_locked,
                 .message = fmt::format("another weir takes in '{}' of {}", name, lake.string()),
                 .hint = "wait for it to end"};
}

}  // namespace weir::orchestrate

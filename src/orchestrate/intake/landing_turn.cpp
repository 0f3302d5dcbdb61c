#include "orchestrate/intake/landing_turn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "base/stop.h"

namespace weir::orchestrate {

Result<LandingTurn> LandingTurn::take(const std::filesystem::path& lake, const std::string& table, bool needed) {
    using namespace std::chrono_literals;
    constexpr auto patience = 20s;
    constexpr auto look_every = 5ms;
    const auto folder = lake / ".weir" / "landing";
    WEIR_TRY(make_directories(folder));
    const auto path = folder / table;
    FileHandle file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (!file.open()) return io_error("open", path, errno);
    const auto until = std::chrono::steady_clock::now() + patience;
    while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) return io_error("lock", path, errno);
        if (std::chrono::steady_clock::now() < until && !stop_requested()) {
            std::this_thread::sleep_for(look_every);
            continue;
        }
        if (!needed) return LandingTurn(FileHandle());
        const auto owner = read_file(path, 64);
        return Error{.code = ErrorCode::lake_locked,
                     .message = fmt::format("process {} has been landing rows in table '{}' for a while",
                                            owner && !owner->empty() ? *owner : "unknown", table),
                     .hint = "wait for it; if it hangs, end it: what it had not committed is read again"};
    }
    // Only for the message above; the lock itself is the kernel's.
    const auto pid = std::to_string(::getpid());
    if (::ftruncate(file.get(), 0) == 0) static_cast<void>(::pwrite(file.get(), pid.data(), pid.size(), 0) > 0);
    return LandingTurn(std::move(file));
}

}  // namespace weir::orchestrate

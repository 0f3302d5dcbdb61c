#include "sql/spill_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace weir::sql {
namespace {

constexpr int tries_max = 100;

FileHandle open_folder(const fs::path& path) {
    return FileHandle(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
}

// Whether the folder still stands under its name: another process may have taken it for a dead one's.
bool stands_at(const FileHandle& folder, const fs::path& path) {
    struct stat opened {
    }, named{};
    return ::fstat(folder.get(), &opened) == 0 && ::stat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

void remove_dead(const fs::path& root) {
    std::error_code error;
    for (fs::directory_iterator entry(root, error), end; !error && entry != end; entry.increment(error)) {
        const auto folder = open_folder(entry->path());
        std::error_code ignored;
        if (folder.open()) {
            if (::flock(folder.get(), LOCK_EX | LOCK_NB) == 0) fs::remove_all(entry->path(), ignored);
        } else if (errno == ENOTDIR) {
            fs::remove(entry->path(), ignored);
        }
    }
}

}  // namespace

Result<SpillFolder> SpillFolder::make(const fs::path& root) {
    static std::atomic<unsigned> counter{0};
    WEIR_TRY(make_directories(root));
    remove_dead(root);
    for (int attempt = 0; attempt < tries_max; ++attempt) {
        auto path = root / fmt::format("{}-{}", ::getpid(), counter.fetch_add(1));
        if (::mkdir(path.c_str(), 0700) != 0) {
            // A process of this number in another container.
            if (errno == EEXIST) continue;
            return io_error("create", path, errno);
        }
        auto lock = open_folder(path);
        if (lock.open() && ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0 && stands_at(lock, path))
            return SpillFolder(std::move(path), std::move(lock));
    }
    return Error{.code = ErrorCode::io_failed,
                 .message = fmt::format("no folder for temporary files can be kept in {}", root.string())};
}

SpillFolder::SpillFolder(SpillFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}

SpillFolder& SpillFolder::operator=(SpillFolder&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(lock_, other.lock_);
    return *this;
}

SpillFolder::~SpillFolder() {
    if (path_.empty()) return;
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

}  // namespace weir::sql

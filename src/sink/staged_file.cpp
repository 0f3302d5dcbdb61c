#include "sink/staged_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace weir::sink {

StagedFile::StagedFile(fs::path path, fs::path temporary, FileHandle file)
    : path_(std::move(path)), temporary_(std::move(temporary)), file_(std::move(file)) {}

StagedFile::StagedFile(StagedFile&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})), file_(std::move(other.file_)) {}

StagedFile::~StagedFile() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<StagedFile> StagedFile::create(const fs::path& path) {
    static std::atomic<unsigned> counter{0};
    if (fs::is_directory(path))
        return Error{.code = ErrorCode::usage,
                     .message = fmt::format("{} is a directory, not a file", path.string()),
                     .hint = fmt::format("name a file in it: {}", (path / "result").string())};
    if (path.has_parent_path()) WEIR_TRY(make_directories(path.parent_path()));
    auto temporary =
        path.parent_path() / fmt::format(".{}.tmp-{}-{}", path.filename().string(), ::getpid(), counter.fetch_add(1));
    FileHandle file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!file.open()) return io_error("create", temporary, errno);
    return StagedFile(path, std::move(temporary), std::move(file));
}

Status StagedFile::write(std::string_view bytes) { return write_all(file_.get(), bytes, temporary_); }

Result<std::int64_t> StagedFile::commit() && {
    if (::fsync(file_.get()) != 0) return io_error("sync", temporary_, errno);
    struct stat status {};
    if (::fstat(file_.get(), &status) != 0) return io_error("read the size of", temporary_, errno);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) return io_error("rename to", path_, errno);
    temporary_.clear();
    WEIR_TRY(sync_directory(path_.parent_path()));
    return static_cast<std::int64_t>(status.st_size);
}

}  // namespace weir::sink

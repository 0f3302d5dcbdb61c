#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

namespace weir {
namespace {

std::string unique_suffix() {
    static std::atomic<unsigned> counter{0};
    return fmt::format(".tmp-{}-{}", ::getpid(), counter.fetch_add(1));
}

// A temporary file beside `path` with `content`, synced; removed by the caller.
Result<fs::path> write_temporary(const fs::path& path, std::string_view content, bool durable) {
    // A leading dot keeps Delta readers and directory listings from taking it for a real file.
    const fs::path temporary = path.parent_path() / ("." + path.filename().string() + unique_suffix());
    FileHandle file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    // Told by the name that it is to have.
    if (!file.open()) return io_error("create", path, errno);
    auto status = write_all(file.get(), content, path);
    if (status && durable && ::fsync(file.get()) != 0) status = io_error("sync", path, errno);
    if (!status) {
        ::unlink(temporary.c_str());
        return std::move(status).error();
    }
    return temporary;
}

}  // namespace

Status write_all(int fd, std::string_view content, const fs::path& path) {
    while (!content.empty()) {
        const auto written = ::write(fd, content.data(), content.size());
        if (written < 0) {
            if (errno == EINTR) continue;
            return io_error("write", path, errno);
        }
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    return ok();
}

Error io_error(std::string_view operation, const fs::path& path, int error_number) {
    const bool full = error_number == ENOSPC || error_number == EDQUOT;
    return {.code = full ? ErrorCode::disk_full : ErrorCode::io_failed,
            .message = fmt::format("cannot {} {}: {}", operation, path.string(), std::strerror(error_number)),
            .hint = full ? std::string(disk_full_hint) : ""};
}

FileHandle& FileHandle::operator=(FileHandle&& other) noexcept {
    if (this != &other) {
        if (fd_ >= 0) ::close(fd_);
        fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
}

FileHandle::~FileHandle() {
    if (fd_ >= 0) ::close(fd_);
}

Result<FileHandle> open_for_reading(const fs::path& path) {
    FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.open()) return io_error("open", path, errno);
    return file;
}

namespace {

Result<std::string> read_all(const FileHandle& file, const fs::path& path, std::size_t bytes_max) {
    std::string content;
    std::array<char, 64 * 1024> buffer;
    for (;;) {
        const auto got = ::read(file.get(), buffer.data(), buffer.size());
        if (got < 0) {
            if (errno == EINTR) continue;
            return io_error("read", path, errno);
        }
        if (got == 0) return content;
        if (content.size() + static_cast<std::size_t>(got) > bytes_max) {
            return Error{.code = ErrorCode::refused,
                         .message = fmt::format("{} is larger than {} bytes", path.string(), bytes_max)};
        }
        content.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

}  // namespace

Result<std::string> read_file(const fs::path& path, std::size_t bytes_max) {
    WEIR_ASSIGN(const auto file, open_for_reading(path));
    return read_all(file, path, bytes_max);
}

Result<std::optional<std::string>> read_file_if_there(const fs::path& path, std::size_t bytes_max) {
    const FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.open() && errno == ENOENT) return std::optional<std::string>();
    if (!file.open()) return io_error("open", path, errno);
    WEIR_ASSIGN(auto content, read_all(file, path, bytes_max));
    return std::optional(std::move(content));
}

Status write_file_atomic(const fs::path& path, std::string_view content, bool durable) {
    WEIR_ASSIGN(const auto temporary, write_temporary(path, content, durable));
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
        const int error_number = errno;
        ::unlink(temporary.c_str());
        return io_error("rename to", path, error_number);
    }
    return durable ? sync_directory(path.parent_path()) : ok();
}

Status write_file_if_absent(const fs::path& path, std::string_view content, bool durable) {
    WEIR_ASSIGN(const auto temporary, write_temporary(path, content, durable));
    const int linked = ::link(temporary.c_str(), path.c_str());
    const int error_number = errno;
    ::unlink(temporary.c_str());
    if (linked != 0) {
        if (error_number == EEXIST)
            return Error{.code = ErrorCode::table_conflict, .message = fmt::format("{} exists already", path.string())};
        return io_error("link", path, error_number);
    }
    return durable ? sync_directory(path.parent_path()) : ok();
}

Status sync_file(const fs::path& path) {
    FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.open()) return io_error("open", path, errno);
    if (::fsync(file.get()) != 0) return io_error("sync", path, errno);
    return ok();
}

Status sync_directory(const fs::path& path) {
    const fs::path directory = path.empty() ? fs::path(".") : path;
    FileHandle file(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!file.open()) return io_error("open", directory, errno);
    if (::fsync(file.get()) != 0) return io_error("sync", directory, errno);
    return ok();
}

Status make_directories(const fs::path& path) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error) return io_error("create directory", path, error.value());
    return ok();
}

}  // namespace weir

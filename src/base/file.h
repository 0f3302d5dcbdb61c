// Files on local disk: whole reads, durable writes, whole-file visibility.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

namespace fs = std::filesystem;

// The way out of a full disk, wherever it was met.
inline constexpr std::string_view disk_full_hint = "free some room and run again: nothing is lost";

// An Error for `errno`, with the operation and the path; ENOSPC and EDQUOT become disk_full.
Error io_error(std::string_view operation, const fs::path& path, int error_number);

// Reads a whole file of at most `bytes_max`.
Result<std::string> read_file(const fs::path& path, std::size_t bytes_max);
// The same; nothing where there is no such file, decided in one step.
Result<std::optional<std::string>> read_file_if_there(const fs::path& path, std::size_t bytes_max);

// Writes all of it, however often it takes; `path` is for the error.
Status write_all(int fd, std::string_view content, const fs::path& path);

// Writes a temporary file beside `path`, syncs it, and renames it over `path`: readers see the old or the new content.
// `durable` = false leaves out the syncs: still whole-file, but a power cut may lose it.
Status write_file_atomic(const fs::path& path, std::string_view content, bool durable = true);

// As write_file_atomic, but fails with table_conflict if `path` exists: exactly one of several writers succeeds.
Status write_file_if_absent(const fs::path& path, std::string_view content, bool durable = true);

Status sync_file(const fs::path& path);
Status sync_directory(const fs::path& path);
Status make_directories(const fs::path& path);

// A file descriptor that closes itself.
class FileHandle {
public:
    FileHandle() = default;
    explicit FileHandle(int fd) : fd_(fd) {}
    FileHandle(FileHandle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FileHandle& operator=(FileHandle&& other) noexcept;
    ~FileHandle();
    int get() const { return fd_; }
    bool open() const { return fd_ >= 0; }

private:
    int fd_ = -1;
};

Result<FileHandle> open_for_reading(const fs::path& path);

}  // namespace weir

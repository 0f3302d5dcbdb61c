#include "lake/store/local_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/limits.h"
#include "lake/uuid.h"

namespace weir::lake {
namespace {

Time modified_of(const struct stat& info) {
    return Time(std::chrono::seconds(info.st_mtim.tv_sec) + std::chrono::microseconds(info.st_mtim.tv_nsec / 1000));
}

class Directory {
public:
    explicit Directory(const fs::path& path) : handle_(::opendir(path.c_str())) {}
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    ~Directory() {
        if (handle_ != nullptr) ::closedir(handle_);
    }
    DIR* get() const { return handle_; }

private:
    DIR* handle_;
};

// Entries that vanish while we look are left out: another process removed them.
Status list_into(const fs::path& root, const std::string& folder, const std::string& start_after, Depth depth,
                 std::vector<ObjectInfo>& found) {
    const auto path = folder.empty() ? root : root / folder;
    Directory directory(path);
    if (directory.get() == nullptr) {
        if (errno == ENOENT || errno == ENOTDIR) return ok();
        return io_error("list", path, errno);
    }
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(directory.get());
        if (entry == nullptr) {
            if (errno != 0) return io_error("list", path, errno);
            return ok();
        }
        const std::string_view name = entry->d_name;
        if (name == "." || name == "..") continue;
        const auto relative = folder.empty() ? std::string(name) : fmt::format("{}/{}", folder, name);
        const bool after = relative > start_after;
        if (!after && depth == Depth::here) continue;
        struct stat info {};
        if (::fstatat(::dirfd(directory.get()), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno == ENOENT) continue;
            return io_error("look at", path / name, errno);
        }
        // A linked file counts as a file; a linked folder is not walked, since it may lead back to us.
        if (S_ISLNK(info.st_mode) &&
            (::fstatat(::dirfd(directory.get()), entry->d_name, &info, 0) != 0 || S_ISDIR(info.st_mode)))
            continue;
        if (S_ISDIR(info.st_mode)) {
            if (depth == Depth::below) WEIR_TRY(list_into(root, relative, start_after, depth, found));
            continue;
        }
        if (after) found.push_back({relative, info.st_size, modified_of(info)});
    }
}

}  // namespace

LocalStore::LocalStore(fs::path root, Sync sync) : root_(std::move(root)), sync_(sync) {}

Result<std::string> LocalStore::get(const std::string& path) {
    WEIR_ASSIGN(auto content, read_file_if_there(root_ / path, limits::log_entry_bytes_max));
    if (!content) return Error{.code = ErrorCode::not_found, .message = fmt::format("{} does not exist", url(path))};
    return std::move(*content);
}

Status LocalStore::put(const std::string& path, std::string_view content) {
    WEIR_TRY(make_folder((root_ / path).parent_path()));
    return write_file_atomic(root_ / path, content, sync_ == Sync::durable);
}

Status LocalStore::put_if_absent(const std::string& path, std::string_view content) {
    WEIR_TRY(make_folder((root_ / path).parent_path()));
    return write_file_if_absent(root_ / path, content, sync_ == Sync::durable);
}

Result<std::vector<ObjectInfo>> LocalStore::list(const std::string& folder, const std::string& start_after,
                                                 Depth depth) {
    std::vector<ObjectInfo> found;
    WEIR_TRY(list_into(root_, folder, start_after, depth, found));
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    return found;
}

Result<ObjectInfo> LocalStore::head(const std::string& path) {
    struct stat info {};
    if (::stat((root_ / path).c_str(), &info) != 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return Error{.code = ErrorCode::not_found, .message = fmt::format("{} does not exist", url(path))};
        return io_error("look at", root_ / path, errno);
    }
    return ObjectInfo{path, info.st_size, modified_of(info)};
}

Status LocalStore::remove(const std::string& path) {
    if (::unlink((root_ / path).c_str()) != 0 && errno != ENOENT) return io_error("remove", root_ / path, errno);
    return ok();
}

Result<fs::path> LocalStore::make_staging() {
    // The leading underscore keeps other implementations' vacuum and listings away from it.
    auto folder = root_ / staging_folder / new_uuid();
    WEIR_TRY(make_directories(folder));
    return folder;
}

void LocalStore::drop_staging(const fs::path& folder) {
    std::error_code ignored;
    // The folder above stays: another writer may be about to make its own in it.
    fs::remove_all(folder, ignored);
}

Status LocalStore::adopt(const fs::path& staged, const std::string& path) {
    if (sync_ == Sync::durable) WEIR_TRY(sync_file(staged));
    const auto target = root_ / path;
    WEIR_TRY(make_folder(target.parent_path()));
    if (::rename(staged.c_str(), target.c_str()) != 0) return io_error("rename to", target, errno);
    return ok();
}

Status LocalStore::settle(const std::vector<std::string>& paths) {
    if (sync_ == Sync::none) return ok();
    std::set<fs::path> folders;
    for (const auto& path : paths) folders.insert((root_ / path).parent_path());
    for (const auto& folder : folders) WEIR_TRY(sync_directory(folder));
    return ok();
}

std::string LocalStore::url(const std::string& path) const { return (root_ / path).string(); }

std::string LocalStore::name() const { return root_.string(); }

Status LocalStore::make_folder(const fs::path& folder) {
    struct stat info {};
    if (::stat(folder.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return ok();
    std::vector<fs::path> missing;
    for (fs::path at = folder; !at.empty() && ::stat(at.c_str(), &info) != 0; at = at.parent_path()) {
        missing.push_back(at);
        if (at == at.parent_path()) break;
    }
    WEIR_TRY(make_directories(folder));
    if (sync_ == Sync::durable)
        for (const auto& created : missing) WEIR_TRY(sync_directory(created.parent_path()));
    return ok();
}

}  // namespace weir::lake

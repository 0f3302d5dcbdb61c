#include "sink/staged_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>

namespace weir::sink {
namespace {

// As many as the kernel follows.
constexpr int links_max = 40;

// The number of the open file of this process that a path stands for, as /dev/stdout does; -1: for none.
int open_file_number(const fs::path& path) {
    std::error_code error;
    const auto folder = fs::canonical(path.parent_path(), error);
    if (error || folder != fs::canonical("/proc/self/fd", error)) return -1;
    const auto name = path.filename().string();
    int number = -1;
    const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), number);
    return failure == std::errc{} && end == name.data() + name.size() ? number : -1;
}

struct Target {
    fs::path path;
    FileHandle open{};  // what is there, where bytes go into it
};

Result<Target> find_target(const fs::path& given) {
    auto path = given;
    std::error_code error;
    for (int links = 0; fs::is_symlink(fs::symlink_status(path, error)); ++links) {
        if (links == links_max) return io_error("open", given, ELOOP);
        // Not opened anew by its name: that would begin at the start of a file, and a socket cannot be opened.
        if (const auto number = open_file_number(path); number >= 0) {
            FileHandle file(::fcntl(number, F_DUPFD_CLOEXEC, 0));
            if (!file.open()) return io_error("open", given, errno);
            return Target{given, std::move(file)};
        }
        const auto named = fs::read_symlink(path, error);
        if (error) return io_error("read link", path, error.value());
        path = path.parent_path() / named;
    }
    const auto status = fs::status(given, error);
    if (fs::is_directory(status))
        return Error{.code = ErrorCode::usage,
                     .message = fmt::format("{} is a directory, not a file", given.string()),
                     .hint = fmt::format("name a file in it: {}", (given / "result").string())};
    if (!fs::exists(status) || fs::is_regular_file(status)) return Target{std::move(path)};
    FileHandle file(::open(given.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
    if (!file.open()) return io_error("open", given, errno);
    return Target{given, std::move(file)};
}

}  // namespace

StagedFile::StagedFile(fs::path path, fs::path temporary, FileHandle file)
    : path_(std::move(path)), temporary_(std::move(temporary)), file_(std::move(file)) {}

StagedFile::StagedFile(StagedFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      file_(std::move(other.file_)),
      written_(other.written_) {}

StagedFile::~StagedFile() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<StagedFile> StagedFile::create(const fs::path& given) {
    static std::atomic<unsigned> counter{0};
    WEIR_ASSIGN(auto target, find_target(given));
    auto& path = target.path;
    if (target.open.open()) return StagedFile(std::move(path), {}, std::move(target.open));
    if (path.has_parent_path()) WEIR_TRY(make_directories(path.parent_path()));
    auto temporary =
        path.parent_path() / fmt::format(".{}.tmp-{}-{}", path.filename().string(), ::getpid(), counter.fetch_add(1));
    FileHandle file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!file.open()) return io_error("create", temporary, errno);
    return StagedFile(std::move(path), std::move(temporary), std::move(file));
}

Status StagedFile::write(std::string_view bytes) {
    WEIR_TRY(write_all(file_.get(), bytes, temporary_.empty() ? path_ : temporary_));
    written_ += static_cast<std::int64_t>(bytes.size());
    return ok();
}

Result<std::int64_t> StagedFile::commit() && {
    if (temporary_.empty()) return written_;
    if (::fsync(file_.get()) != 0) return io_error("sync", temporary_, errno);
    struct stat status {};
    if (::fstat(file_.get(), &status) != 0) return io_error("read the size of", temporary_, errno);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) return io_error("rename to", path_, errno);
    temporary_.clear();
    WEIR_TRY(sync_directory(path_.parent_path()));
    return static_cast<std::int64_t>(status.st_size);
}

}  // namespace weir::sink

#include "source/files/discover.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "base/nearest.h"
#include "source/columns/cast.h"
#include "source/files/path_template.h"

namespace weir::source {
namespace {

namespace fs = std::filesystem;

// Deeper than this only a loop of links goes.
constexpr int depth_max = 64;

bool passed_over(std::string_view name) {
    return name.front() == '.' || name.front() == '_' || name.ends_with(".tmp") || name.ends_with(".crc");
}

Error unreadable(const std::string& path, int error_number) {
    return {.code = ErrorCode::input_unreadable,
            .message = fmt::format("cannot read {}: {}", path, std::strerror(error_number)),
            .hint = "check that this user may read it"};
}

// A name that cannot be followed: gone meanwhile, which is no error, or a link whose target is missing.
Status not_there(int folder, const char* name, const std::string& path, int error_number) {
    if (error_number != ENOENT && error_number != ENOTDIR) return unreadable(path, error_number);
    struct stat status {};
    if (::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return ok();
    return Error{.code = ErrorCode::input_unreadable,
                 .message = fmt::format("cannot read {}: it is a link to a file that is not there", path),
                 .hint = "bring the file back, or remove the link"};
}

InputFile file_of(std::string path, const struct stat& status, const std::vector<std::string>& captures) {
    return {.path = std::move(path),
            .size = static_cast<std::uint64_t>(status.st_size),
            .mtime_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec,
            .captures = captures};
}

class Walk {
public:
    explicit Walk(const PathTemplate& pattern) : pattern_(pattern), values_(pattern.captures().size()) {}

    // Everything below `folder` (an empty one is the working directory) that matches from name `index` on.
    Status names_below(const std::string& folder, std::size_t index, int depth) {
        const auto& name = pattern_.names()[index];
        const bool last = index + 1 == pattern_.names().size();
        if (name.plain) return entry(join(folder, name.text), index, last, depth);
        const auto shown = folder.empty() ? std::string(".") : folder;
        std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(shown.c_str()), ::closedir);
        if (!open) return errno == ENOENT || errno == ENOTDIR ? ok() : Status(unreadable(shown, errno));
        if (depth > depth_max)
            return Error{.code = ErrorCode::input_unreadable,
                         .message = fmt::format("{} lies more than {} folders deep", shown, depth_max),
                         .hint = "is there a loop of links?"};
        if (name.folders && !last) WEIR_TRY(names_below(folder, index + 1, depth));
        for (;;) {
            errno = 0;
            const dirent* found = ::readdir(open.get());
            if (found == nullptr) return errno == 0 ? ok() : Status(unreadable(shown, errno));
            const std::string_view text = found->d_name;
            // A pattern that spells out the first sign asks for such files.
            const bool spelt = !name.folders && name.tokens.front().kind == PathTemplate::Token::Kind::character &&
                               name.tokens.front().c == text.front() && text.front() != '.';
            if (text == "." || text == ".." || (passed_over(text) && !spelt)) continue;
            const bool maybe_folder = found->d_type == DT_DIR || found->d_type == DT_LNK || found->d_type == DT_UNKNOWN;
            if (name.folders) {
                if (maybe_folder || last) WEIR_TRY(folders(join(folder, text), found->d_type, index, last, depth));
                continue;
            }
            if (!last && !maybe_folder) continue;
            if (!pattern_.match(name, text, values_)) continue;
            if (last)
                WEIR_TRY(file_at(::dirfd(open.get()), found->d_name, join(folder, text)));
            else
                WEIR_TRY(names_below(join(folder, text), index + 1, depth + 1));
        }
    }

    // All files below a folder.
    Status all_below(const std::string& folder, int depth) {
        std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
        if (!open) return unreadable(folder, errno);
        if (depth > depth_max)
            return Error{.code = ErrorCode::input_unreadable,
                         .message = fmt::format("{} lies more than {} folders deep", folder, depth_max),
                         .hint = "is there a loop of links?"};
        for (;;) {
            errno = 0;
            const dirent* found = ::readdir(open.get());
            if (found == nullptr) return errno == 0 ? ok() : Status(unreadable(folder, errno));
            if (passed_over(found->d_name)) continue;
            struct stat status {};
            if (::fstatat(::dirfd(open.get()), found->d_name, &status, 0) != 0) {
                WEIR_TRY(not_there(::dirfd(open.get()), found->d_name, join(folder, found->d_name), errno));
                continue;
            }
            if (S_ISDIR(status.st_mode))
                WEIR_TRY(all_below(join(folder, found->d_name), depth + 1));
            else if (S_ISREG(status.st_mode))
                files.push_back(file_of(join(folder, found->d_name), status, values_));
        }
    }

    std::vector<InputFile> files;

private:
    static std::string join(const std::string& folder, std::string_view name) {
        std::string path;
        path.reserve(folder.size() + 1 + name.size());
        path = folder;
        if (!path.empty() && path.back() != '/') path += '/';
        path += name;
        return path;
    }

    Status entry(const std::string& path, std::size_t index, bool last, int depth) {
        if (!last) return names_below(path, index + 1, depth + 1);
        return file_at(AT_FDCWD, path.c_str(), path);
    }

    Status file_at(int folder, const char* name, std::string path) {
        struct stat status {};
        if (::fstatat(folder, name, &status, 0) != 0) return not_there(folder, name, path, errno);
        if (S_ISREG(status.st_mode)) files.push_back(file_of(std::move(path), status, values_));
        return ok();
    }

    // An entry below a "**".
    Status folders(const std::string& path, unsigned char type, std::size_t index, bool last, int depth) {
        struct stat status {};
        if (type != DT_DIR && ::stat(path.c_str(), &status) != 0)
            return errno == ENOENT ? ok() : Status(unreadable(path, errno));
        if (type == DT_DIR || S_ISDIR(status.st_mode)) return names_below(path, index, depth + 1);
        if (last && S_ISREG(status.st_mode)) files.push_back(file_of(path, status, values_));
        return ok();
    }

    const PathTemplate& pattern_;
    std::vector<std::string> values_;
};

Error nothing_there(const std::string& path, const Where& where) {
    fs::path folder = fs::path(path).parent_path();
    fs::path below = fs::path(path).filename();
    std::error_code error;
    while (!folder.empty() && !fs::is_directory(folder, error) && folder != folder.parent_path()) {
        below = folder.filename();
        folder = folder.parent_path();
    }
    if (folder.empty()) folder = ".";
    std::vector<std::string> there;
    std::size_t count = 0;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        ++count;
        std::error_code ignored;
        if (there.size() < 1000)
            there.push_back(it->path().filename().string() + (it->is_directory(ignored) ? "/" : ""));
    }
    std::sort(there.begin(), there.end());
    std::string hint = fmt::format("the nearest folder that exists is {}", folder.string());
    if (below != fs::path(path).filename() && fs::is_regular_file(folder / below, error)) {
        hint = fmt::format("{} is a file, not a folder", (folder / below).string());
    } else if (const auto meant = nearest(below.string(), there); !meant.empty()) {
        hint += fmt::format("; did you mean '{}'?", meant);
    } else if (there.empty()) {
        hint += ", and it is empty";
    } else {
        const auto shown = std::min<std::size_t>(there.size(), 5);
        hint += fmt::format("; it has {}",
                            fmt::join(there.begin(), there.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
        if (count > shown) hint += fmt::format(" and {} more", count - shown);
    }
    return {.code = ErrorCode::not_found,
            .message = fmt::format("no file matches {}", path),
            .hint = std::move(hint),
            .where = where};
}

Status set_arrival(const PathTemplate& pattern, std::vector<InputFile>& files) {
    int date = -1, year = -1, month = -1, day = -1;
    for (std::size_t i = 0; i < pattern.captures().size(); ++i) {
        const auto& name = pattern.captures()[i].name;
        if (name == "date") date = static_cast<int>(i);
        if (name == "year") year = static_cast<int>(i);
        if (name == "month") month = static_cast<int>(i);
        if (name == "day") day = static_cast<int>(i);
    }
    if (date < 0 && (year < 0 || month < 0 || day < 0)) return ok();
    for (auto& file : files) {
        const auto text = [&](int index) -> const std::string& {
            return file.captures[static_cast<std::size_t>(index)];
        };
        const auto number = [&](int index) {
            int value = 0;
            cast_integer(text(index), value);
            return value;
        };
        const auto day_text =
            date >= 0 ? text(date) : fmt::format("{:04}-{:02}-{:02}", number(year), number(month), number(day));
        file.arrival = parse_day(day_text);
        if (!file.arrival)
            return Error{.code = ErrorCode::input_malformed,
                         .message = fmt::format("{}: there is no day {}", file.path, day_text),
                         .hint = "rename the file, or move it out of the source's path"};
    }
    return ok();
}

}  // namespace

Result<Discovery> discover(const std::string& path, const Where& where, WhenNone when_none) {
    struct stat status {};
    Discovery found;
    if (!path.empty() && ::stat(path.c_str(), &status) == 0 && !S_ISDIR(status.st_mode)) {
        found.files.push_back(file_of(path, status, {}));
        return found;
    }
    WEIR_ASSIGN(const auto pattern, PathTemplate::compile(path, where));
    found.captures = pattern.captures();
    Walk walk(pattern);
    if (pattern.is_plain() && ::stat(path.c_str(), &status) == 0) {
        auto folder = path;
        while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
        WEIR_TRY(walk.all_below(folder, 0));
    } else if (!pattern.names().empty()) {
        WEIR_TRY(walk.names_below(pattern.absolute() ? "/" : "", 0, 0));
    }
    found.files = std::move(walk.files);
    const bool fails = when_none == WhenNone::fail || (when_none == WhenNone::allow_pattern && pattern.is_plain());
    if (found.files.empty() && fails) return nothing_there(path, where);
    WEIR_TRY(set_arrival(pattern, found.files));
    std::sort(found.files.begin(), found.files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    return found;
}

}  // namespace weir::source

#include "serve/settled_files.h"

#include <fmt/format.h>
#include <sys/stat.h>

namespace weir::serve {
namespace {

std::string mark_of(const std::filesystem::path& file) {
    struct stat facts {};
    if (::stat(file.c_str(), &facts) != 0) return {};
    return fmt::format("{} {} {}.{} {}.{}", facts.st_ino, facts.st_size, facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec,
                       facts.st_ctim.tv_sec, facts.st_ctim.tv_nsec);
}

}  // namespace

SettledFiles::SettledFiles(const std::vector<std::filesystem::path>& files) { take(files); }

bool SettledFiles::changed(const std::vector<std::filesystem::path>& files) {
    Marks now;
    for (const auto& file : files) now[file] = mark_of(file);
    const bool settled = now == seen_;
    seen_ = std::move(now);
    return settled && seen_ != taken_;
}

void SettledFiles::take(const std::vector<std::filesystem::path>& files) {
    Marks marks;
    for (const auto& file : files) {
        const auto known = seen_.find(file);
        marks[file] = known == seen_.end() ? mark_of(file) : known->second;
    }
    seen_ = taken_ = std::move(marks);
}

}  // namespace weir::serve

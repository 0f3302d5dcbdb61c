#include "lake/lake.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"

namespace weir::lake {
namespace {

Result<std::vector<std::string>> folders_in(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    fs::directory_iterator entries(folder, error);
    if (error == std::errc::no_such_file_or_directory) return names;
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
        std::error_code ignored;
        const auto name = entries->path().filename().string();
        if (entries->is_directory(ignored) && !name.starts_with('.') && !name.starts_with('_')) names.push_back(name);
    }
    if (error) return io_error("list", folder, error.value());
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace

Result<Lake> Lake::open(const std::string& location, sql::Database& database, Sync sync) {
    WEIR_ASSIGN(auto root, local_path(location));
    return Lake(std::move(root), database, sync);
}

Result<std::vector<std::string>> Lake::tables() const {
    std::vector<std::string> names;
    WEIR_ASSIGN(const auto folders, folders_in(root_));
    for (const auto& folder : folders) {
        if (is_table(root_ / folder)) {
            names.push_back(folder);
            continue;
        }
        WEIR_ASSIGN(const auto inner_folders, folders_in(root_ / folder));
        for (const auto& inner : inner_folders) {
            if (is_table(root_ / folder / inner)) names.push_back(fmt::format("{}/{}", folder, inner));
        }
    }
    return names;
}

Result<Table> Lake::table(const std::string& name) const {
    const auto path = fs::path(name);
    const bool leaves =
        path.is_absolute() || std::any_of(path.begin(), path.end(), [](const auto& p) { return p == ".."; });
    if (name.empty() || leaves)
        return Error{.code = ErrorCode::usage, .message = fmt::format("'{}' is not the name of a table", name)};
    auto folder = (root_ / path).lexically_normal();
    std::shared_ptr<LastRead> last_read;
    {
        const std::lock_guard lock(known_->mutex);
        auto& known = known_->tables[folder];
        if (!known) known = std::make_shared<LastRead>();
        last_read = known;
    }
    return Table(std::make_shared<LocalStore>(std::move(folder), sync_), *database_, std::move(last_read));
}

Result<Table> Lake::find(const std::string& name_or_location) const {
    if (const auto named = table(name_or_location)) {
        WEIR_ASSIGN(const bool there, named->exists());
        if (there) return *named;
    }
    const auto located = Table::at(name_or_location, *database_, sync_);
    if (located) {
        WEIR_ASSIGN(const bool there, located->exists());
        if (there) return *located;
    }
    WEIR_ASSIGN(const auto names, tables());
    return Error{.code = ErrorCode::not_found,
                 .message = fmt::format("there is no table '{}', neither in the lake {} nor at that path",
                                        name_or_location, root_.string()),
                 .hint = suggest(name_or_location, names)};
}

}  // namespace weir::lake

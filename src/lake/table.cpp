#include "lake/table.h"

#include <fmt/format.h>

#include <algorithm>

#include "lake/log/paths.h"

namespace weir::lake {
namespace {

const SystemClock system_clock;

}  // namespace

std::optional<Snapshot> LastRead::get() const {
    const std::lock_guard lock(mutex_);
    return snapshot_;
}

void LastRead::set(const Snapshot& snapshot) {
    const std::lock_guard lock(mutex_);
    snapshot_ = snapshot;
}

Table::Table(std::shared_ptr<ObjectStore> store, sql::Database& database, std::shared_ptr<LastRead> last_read)
    : store_(std::move(store)), database_(&database), last_read_(std::move(last_read)), clock_(&system_clock) {}

Result<Table> Table::at(const std::string& location, sql::Database& database, Sync sync) {
    WEIR_ASSIGN(auto path, local_path(location));
    return Table(std::make_shared<LocalStore>(std::move(path), sync), database);
}

Result<bool> Table::exists() const {
    // The first commit is almost always there; a cleaned up log has a checkpoint instead.
    if (store_->head(commit_path(TableVersion(0)))) return true;
    WEIR_ASSIGN(const auto listing, store_->list(std::string(log_folder), "", Depth::here));
    return !commit_files(listing).empty() || !complete_checkpoints(listing).empty();
}

Result<Snapshot> Table::snapshot(const At& at) const {
    if (!std::holds_alternative<Newest>(at)) return read_snapshot(*store_, *database_, at);
    auto found = read_newest(*store_, *database_, last_read_->get());
    if (found) last_read_->set(*found);
    return found;
}

Result<std::optional<Snapshot>> Table::newest() const {
    WEIR_ASSIGN(const bool there, exists());
    if (!there) return std::optional<Snapshot>();
    WEIR_ASSIGN(auto found, snapshot());
    return std::optional(std::move(found));
}

bool is_table(const fs::path& folder) {
    std::error_code error;
    if (fs::exists(folder / commit_path(TableVersion(0)), error)) return true;
    fs::directory_iterator entry(folder / log_folder, error);
    for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
        if (parse_log_file(entry->path().filename().string())) return true;
    }
    return false;
}

Result<fs::path> local_path(const std::string& location) {
    const auto scheme_end = location.find("://");
    if (scheme_end == std::string::npos && !location.starts_with("file:/")) {
        if (location.empty()) return Error{.code = ErrorCode::usage, .message = "the table's path is empty"};
        auto path = fs::absolute(location).lexically_normal();
        return path.has_filename() ? path : path.parent_path();
    }
    const auto decoded = decode_data_path(location);
    if (!decoded || !decoded->absolute) {
        return Error{.code = ErrorCode::usage,
                     .message = fmt::format("{} is not a place on the local disk", location),
                     .hint = "give a path or a file:// URI"};
    }
    auto path = fs::path(decoded->text).lexically_normal();
    return path.has_filename() ? path : path.parent_path();
}

}  // namespace weir::lake

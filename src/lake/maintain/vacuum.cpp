#include "lake/maintain/vacuum.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <unordered_set>

#include "lake/log/paths.h"
#include "lake/log/protocol.h"
#include "lake/maintain/checkpoint.h"
#include "lake/read/deletion_vector.h"
#include "lake/store/local_store.h"

namespace weir::lake {
namespace {

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t log_retention_days = 30;

bool in_staging(std::string_view path) {
    return path.starts_with(staging_folder) && path.substr(staging_folder.size()).starts_with('/');
}

// ".00000000000000000007.json.tmp-…", beside what it should have become (base/file.h): its writer died.
bool half_written(std::string_view path) {
    const auto name = path.substr(path.rfind('/') + 1);
    return name.starts_with('.') && name.find(".tmp-") != std::string_view::npos;
}

// The newest change of a folder and all below it; nothing where it holds a file.
std::optional<Time> empty_since(const fs::path& folder) {
    std::optional<Time> newest;
    const auto look = [&](const fs::path& path) {
        struct stat info {};
        if (::stat(path.c_str(), &info) != 0) return;
        const auto modified = Time(std::chrono::seconds(info.st_mtim.tv_sec));
        newest = newest ? std::max(*newest, modified) : modified;
    };
    look(folder);
    std::error_code error;
    for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        if (!entry->is_directory(error) || error) return std::nullopt;
        look(entry->path());
    }
    return error ? std::nullopt : newest;
}

// Staging folders, relative to the table, in which a writer died before it wrote, or after all else was done.
std::vector<VacuumFile> empty_staging(ObjectStore& store, Time before) {
    std::vector<VacuumFile> folders;
    const fs::path root = store.url(std::string(staging_folder));
    std::error_code error;
    for (fs::directory_iterator entry(root, error), end; !error && entry != end; entry.increment(error)) {
        std::error_code ignored;
        if (entry->is_symlink(ignored) || !entry->is_directory(ignored)) continue;
        if (const auto since = empty_since(entry->path()); since && *since < before)
            folders.push_back({fmt::format("{}/{}/", staging_folder, entry->path().filename().string()), 0, *since});
    }
    return folders;
}

// The paths, relative to the table, that some version within the retention needs.
Result<std::unordered_set<std::string>> needed_paths(const Snapshot& snapshot, const Table& table,
                                                     std::int64_t removed_since_ms) {
    std::unordered_set<std::string> needed;
    const auto root = table.name() + "/";
    const auto need = [&](const std::string& written, const std::optional<DeletionVectorRef>& vector) -> Status {
        // Some tables were written without encoding: both spellings stay.
        needed.insert(written);
        if (const auto path = decode_data_path(written)) {
            const bool inside = path->absolute && path->text.starts_with(root);
            needed.insert(inside ? path->text.substr(root.size()) : path->text);
        }
        if (vector && vector->storage == "u") {
            WEIR_ASSIGN(auto path, deletion_vector_path(vector->path_or_inline));
            needed.insert(std::move(path));
        } else if (vector && vector->storage == "p") {
            const auto path = decode_data_path(vector->path_or_inline);
            if (path && path->text.starts_with(root)) needed.insert(path->text.substr(root.size()));
        }
        return ok();
    };
    for (const auto& file : snapshot.files()) WEIR_TRY(need(file.path, file.deletion_vector));
    for (const auto& remove : snapshot.tombstones()) {
        if (remove.deleted_ms >= removed_since_ms) WEIR_TRY(need(remove.path, remove.deletion_vector));
    }
    return needed;
}

std::string duration_text(std::int64_t ms) {
    const auto hours = static_cast<double>(ms) / 3'600'000;
    return fmt::format("{:g} hours", hours);
}

}  // namespace

bool hidden_from_vacuum(std::string_view path, const std::vector<std::string>& partition_columns) {
    while (!path.empty()) {
        const auto slash = std::min(path.find('/'), path.size());
        const auto part = path.substr(0, slash);
        path.remove_prefix(std::min(slash + 1, path.size()));
        if (!part.starts_with('_') && !part.starts_with('.')) continue;
        if (part.starts_with("_change_data") || part.starts_with("_delta_index")) continue;
        const bool partition = std::any_of(partition_columns.begin(), partition_columns.end(), [&](const auto& column) {
            return part.starts_with(hive_escape(column) + "=");
        });
        if (!partition) return true;
    }
    return false;
}

Result<VacuumResult> vacuum(const Table& table, const VacuumOptions& options) {
    WEIR_ASSIGN(const auto snapshot, read_snapshot(table.store(), table.database()));
    WEIR_TRY(check_writable(snapshot.protocol(), snapshot.metadata(), snapshot.schema()));
    const auto table_retention = deleted_file_retention_ms(snapshot.metadata());
    const auto retention = options.retention_ms.value_or(table_retention);
    if (retention < 0) return Error{.code = ErrorCode::usage, .message = "the retention is negative"};
    if (retention < table_retention && !options.below_retention) {
        return Error{.code = ErrorCode::refused,
                     .message = fmt::format("{}: a retention of {} is below the table's {}", table.name(),
                                            duration_text(retention), duration_text(table_retention)),
                     .hint =
                         "readers of older versions and writers at work would lose their files; say so explicitly if "
                         "nobody is, or set delta.deletedFileRetentionDuration"};
    }
    const auto now = to_unix_millis(table.clock().now());
    const auto since = now - retention;
    // A removed file counts as needed while some version within the retention may still be read.
    WEIR_ASSIGN(const auto needed, needed_paths(snapshot, table, since));
    VacuumResult result{.dry_run = options.dry_run, .retention_ms = retention};
    std::vector<std::string> columns;
    for (const auto& name : snapshot.partition_columns()) {
        WEIR_ASSIGN(auto physical, physical_field(*snapshot.schema().find(name), snapshot.mapping()));
        columns.push_back(std::move(physical.name));
    }
    std::set<std::string> dead_staging;
    WEIR_ASSIGN(const auto objects, table.store().list("", "", Depth::below));
    for (const auto& object : objects) {
        const auto modified = to_unix_millis(object.modified);
        const bool staged = in_staging(object.path);
        if (staged ? modified >= now - day_ms : modified >= since) {
            ++result.kept;
            continue;
        }
        const bool leftover = staged || half_written(object.path);
        const bool wanted = needed.contains(object.path) || options.spare.contains(object.path);
        if (!leftover && (hidden_from_vacuum(object.path, columns) || wanted)) {
            ++result.kept;
            continue;
        }
        result.files.push_back({object.path, object.size, object.modified});
        result.bytes += object.size;
        if (staged) dead_staging.insert(object.path.substr(0, object.path.find('/', staging_folder.size() + 1)));
    }
    const auto folders = empty_staging(table.store(), Time(std::chrono::milliseconds(std::min(since, now - day_ms))));
    result.files.insert(result.files.end(), folders.begin(), folders.end());
    std::ranges::sort(result.files, {}, &VacuumFile::path);
    if (options.dry_run) return result;
    for (const auto& file : result.files) {
        if (file.path.ends_with('/'))
            dead_staging.insert(file.path.substr(0, file.path.size() - 1));
        else
            WEIR_TRY(table.store().remove(file.path));
    }
    for (const auto& folder : dead_staging) {
        const fs::path path = table.store().url(folder);
        if (empty_since(path)) table.store().drop_staging(path);
    }
    return result;
}

Result<LogCleanupResult> clean_up_log(const Table& table, const LogCleanupOptions& options) {
    WEIR_ASSIGN(const auto snapshot, table.snapshot());
    WEIR_TRY(check_writable(snapshot.protocol(), snapshot.metadata(), snapshot.schema()));
    LogCleanupResult result{.dry_run = options.dry_run};
    if (property(snapshot.metadata(), "delta.enableExpiredLogCleanup").value_or("true") == "false") return result;
    auto retention = log_retention_days * day_ms;
    if (const auto text = property(snapshot.metadata(), "delta.logRetentionDuration"))
        retention = parse_interval_ms(*text).value_or(retention);
    const auto cutoff = table.clock().now() - std::chrono::milliseconds(retention);
    WEIR_ASSIGN(const auto times, commit_times(table.store(), table.database()));
    std::optional<TableVersion> newest_expired;
    for (const auto& commit : times) {
        if (options.needed_from && commit.version >= *options.needed_from) break;
        if (commit.time < cutoff) newest_expired = commit.version;
    }
    if (!newest_expired) return result;
    WEIR_ASSIGN(const auto listing, table.store().list(std::string(log_folder), "", Depth::here));
    for (const auto& checkpoint : complete_checkpoints(listing)) {
        // Everything below it has expired; its own commit stays.
        if (checkpoint.version <= next(*newest_expired)) result.checkpoint = checkpoint.version;
    }
    if (!result.checkpoint) return result;
    for (const auto& object : listing) {
        const auto file = parse_log_file(std::string_view(object.path).substr(log_folder.size() + 1));
        if (file && file->version < *result.checkpoint) result.files.push_back(object.path);
    }
    if (options.dry_run) return result;
    // Oldest first: whatever stops us, the versions that are left have no gap.
    for (const auto& path : result.files) WEIR_TRY(table.store().remove(path));
    return result;
}

}  // namespace weir::lake

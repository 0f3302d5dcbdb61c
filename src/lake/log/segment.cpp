#include "lake/log/segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "lake/log/paths.h"

namespace weir::lake {
namespace {

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

std::vector<CommitFile> commit_files(const std::vector<ObjectInfo>& listing) {
    std::vector<CommitFile> commits;
    for (const auto& object : listing) {
        const auto file = parse_log_file(file_name(object.path));
        if (file && file->kind == LogFile::Kind::commit)
            commits.push_back({file->version, object.path, object.size, object.modified});
    }
    std::sort(commits.begin(), commits.end(), [](const auto& a, const auto& b) { return a.version < b.version; });
    return commits;
}

std::vector<CheckpointFiles> complete_checkpoints(const std::vector<ObjectInfo>& listing) {
    std::vector<CheckpointFiles> found;
    // (version, number of parts) → parts seen so far
    std::map<std::pair<TableVersion, std::int64_t>, std::vector<std::string>> multi_part;
    for (const auto& object : listing) {
        const auto file = parse_log_file(file_name(object.path));
        if (!file || object.size == 0) continue;
        switch (file->kind) {
            case LogFile::Kind::checkpoint:
            case LogFile::Kind::checkpoint_v2: found.push_back({file->version, {object.path}, file->json}); break;
            case LogFile::Kind::checkpoint_part: {
                auto& parts = multi_part[{file->version, file->parts}];
                parts.push_back(object.path);
                if (parts.size() == static_cast<std::size_t>(file->parts)) found.push_back({file->version, parts});
                break;
            }
            default: break;
        }
    }
    std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.version < b.version; });
    return found;
}

Result<LogSegment> choose_segment(const std::vector<ObjectInfo>& listing, std::optional<TableVersion> wanted,
                                  const std::string& table) {
    auto commits = commit_files(listing);
    auto checkpoints = complete_checkpoints(listing);
    if (commits.empty() && checkpoints.empty()) {
        return Error{.code = ErrorCode::not_found,
                     .message = fmt::format("{} is not a Delta table: its {} holds no commit", table, log_folder),
                     .hint = "check the path; a table's folder contains _delta_log"};
    }
    TableVersion newest(-1);
    if (!commits.empty()) newest = commits.back().version;
    if (!checkpoints.empty()) newest = std::max(newest, checkpoints.back().version);
    const auto version = wanted.value_or(newest);
    if (version > newest || version < TableVersion(0)) {
        return Error{.code = ErrorCode::not_found,
                     .message = fmt::format("{} has no version {}", table, version.get()),
                     .hint = fmt::format("its newest version is {}", newest.get())};
    }
    LogSegment segment{.version = version};
    std::erase_if(checkpoints, [&](const auto& c) { return c.version > version; });
    if (!checkpoints.empty()) segment.checkpoint = std::move(checkpoints.back());
    auto expected = segment.checkpoint ? next(segment.checkpoint->version) : TableVersion(0);
    for (auto& commit : commits) {
        if (commit.version == version) segment.last = commit;
        if (commit.version < expected || commit.version > version) continue;
        if (commit.version != expected) break;
        segment.commits.push_back(std::move(commit));
        expected = next(expected);
    }
    if (expected == next(version)) return segment;
    // Below the oldest file that is left, the log was cleaned up; in the middle, something took a commit away.
    const bool cleaned = !segment.checkpoint && segment.commits.empty();
    if (cleaned) {
        return Error{.code = wanted ? ErrorCode::not_found : ErrorCode::table_damaged,
                     .message = fmt::format("{}: version {} cannot be put together: commit {} is missing and no "
                                            "checkpoint stands in for it",
                                            table, version.get(), expected.get()),
                     .hint = "the log was cleaned up below its oldest checkpoint, or files were removed by hand"};
    }
    return Error{.code = ErrorCode::table_damaged,
                 .message = fmt::format("{}: the log has a gap: version {} needs commit {}, which is missing", table,
                                        version.get(), expected.get()),
                 .hint = fmt::format("put {} back; {}", commit_path(expected),
                                     expected > TableVersion(0)
                                         ? fmt::format("version {} can still be read", previous(expected).get())
                                         : "no version can be read without it")};
}

}  // namespace weir::lake

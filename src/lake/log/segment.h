// Which files of the log make up one version: a checkpoint and the commits after it. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "lake/store/object_store.h"
#include "lake/version.h"

namespace weir::lake {

struct CommitFile {
    TableVersion version;
    std::string path{};
    std::int64_t size = 0;
    Time modified{};

    bool operator==(const CommitFile&) const = default;
};

struct CheckpointFiles {
    TableVersion version;
    std::vector<std::string> paths{};  // every part
    bool json = false;                 // a V2 checkpoint in JSON
};

struct LogSegment {
    TableVersion version;
    std::optional<CheckpointFiles> checkpoint{};
    std::vector<CommitFile> commits{};  // after the checkpoint, oldest first, without a gap
    std::optional<CommitFile> last{};   // the commit of this version; nothing: only its checkpoint is left
};

// `listing`: the log folder's entries, sorted. Fails with not_found if there is no such version (or no log at all),
// with table_damaged if commits are missing.
Result<LogSegment> choose_segment(const std::vector<ObjectInfo>& listing, std::optional<TableVersion> wanted,
                                  const std::string& table);

// The commits in the listing, oldest first.
std::vector<CommitFile> commit_files(const std::vector<ObjectInfo>& listing);
// The complete checkpoints in the listing, oldest first.
std::vector<CheckpointFiles> complete_checkpoints(const std::vector<ObjectInfo>& listing);

}  // namespace weir::lake

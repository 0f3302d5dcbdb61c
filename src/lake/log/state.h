// What a table is at one version, and how commits change it. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "lake/log/actions.h"
#include "lake/log/schema_json.h"
#include "lake/version.h"

namespace weir::lake {

struct TableState {
    TableVersion version{-1};
    Protocol protocol{};
    Metadata metadata{};
    Schema schema{};
    ColumnMapping mapping = ColumnMapping::none;
    std::vector<AddFile> files{};                          // live; oldest commit first
    std::vector<RemoveFile> tombstones{};                  // removed, but perhaps still on disk
    std::map<std::string, SetTransaction> transactions{};  // by app id
    std::map<std::string, DomainMetadata> domains{};       // live ones only
    std::optional<std::int64_t> in_commit_timestamp_ms{};  // of the newest commit, if it carries one
};

// Puts a state together from the newest fact to the oldest: what was said first about a key is what counts.
class Replay {
public:
    // Commits come newest first, then the checkpoint's actions in any order.
    void commit(std::vector<Action> actions);
    void checkpoint_action(Action action);
    // Fails if protocol or metaData are missing or cannot be read by us.
    Result<TableState> finish(TableVersion version, const std::string& table) &&;

private:
    void take(Action& action, std::vector<AddFile>& adds);
    // True the first time that a file's key is met.
    bool first_sight(std::string_view path, const std::optional<DeletionVectorRef>& vector);

    TableState state_;
    bool has_protocol_ = false;
    bool has_metadata_ = false;
    bool in_checkpoint_ = false;
    std::size_t commits_ = 0;
    std::unordered_set<std::string> seen_files_;
    std::map<std::string, DomainMetadata> seen_domains_;
    std::vector<std::vector<AddFile>> commit_adds_;  // newest first
    std::vector<AddFile> checkpoint_adds_;
};

// Applies one more commit to a state that was read before.
Status advance(TableState& state, std::vector<Action> actions, const std::string& table);

}  // namespace weir::lake

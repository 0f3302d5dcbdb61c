// Whether a commit that somebody else made first stands in the way of ours. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lake/log/actions.h"

namespace weir::lake {

enum class Isolation {
    serializable,        // as if all commits had run one after the other
    write_serializable,  // blind appends of others may slip in before us
    snapshot,            // our commit changes no data: only files that we rewrite matter
};
std::string_view to_string(Isolation isolation);

// What our decision rests on. A blind append reads nothing.
struct ReadSet {
    bool whole_table = false;
    std::vector<PartitionValues> partitions{};  // every file whose values include all of one of these
    std::set<std::string> files{};              // by file_key
    std::set<std::string> app_ids{};            // whose positions we looked at
};

struct OwnCommit {
    Protocol read_protocol{};
    ReadSet reads{};
    const std::vector<Action>* actions = nullptr;  // without commitInfo
    Isolation isolation = Isolation::serializable;
    // Our removes are "whatever lies in the scope that we read", so a winner that only rearranged rows is followed.
    bool removes_by_scope = false;
};

enum class ConflictRule {
    table_exists,  // we wanted to create it
    protocol_changed,
    metadata_changed,
    domain_changed,
    transaction,               // the winner moved a position that we read or write
    concurrent_append,         // rows that we should have read
    concurrent_delete_read,    // a file that we read is gone
    concurrent_delete_delete,  // a file that we remove is gone
};
std::string_view to_string(ConflictRule rule);

struct Conflict {
    ConflictRule rule;
    std::string message;  // names the file, column or application
};

// The first rule that forbids putting our commit after the winner's; nothing if it may be.
std::optional<Conflict> find_conflict(const OwnCommit& own, const std::vector<Action>& winner);

// Whether the winner only moved rows between files (optimize), so that no reader's answer changes.
bool only_rearranges(const std::vector<Action>& winner);

bool lies_in(const PartitionValues& file, const PartitionValues& partition);

}  // namespace weir::lake

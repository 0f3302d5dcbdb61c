#include "lake/write/conflict.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::lake {
namespace {

bool contains(const std::vector<std::string>& list, const std::string& item) {
    return std::find(list.begin(), list.end(), item) != list.end();
}

template <class T>
const T* find_action(const std::vector<Action>& actions) {
    for (const auto& action : actions) {
        if (const auto* found = std::get_if<T>(&action)) return found;
    }
    return nullptr;
}

bool drops_features(const Protocol& before, const Protocol& after) {
    const auto missing = [](const auto& old_list, const auto& new_list) {
        return std::any_of(old_list.begin(), old_list.end(), [&](const auto& f) { return !contains(new_list, f); });
    };
    return after.min_reader < before.min_reader || after.min_writer < before.min_writer ||
           missing(before.reader_features, after.reader_features) ||
           missing(before.writer_features, after.writer_features);
}

bool is_blind_append(const std::vector<Action>& winner) {
    const auto* info = find_action<CommitInfo>(winner);
    return info != nullptr && info->blind_append.value_or(false) && find_action<RemoveFile>(winner) == nullptr;
}

bool reads(const ReadSet& read_set, const PartitionValues& values) {
    return read_set.whole_table || std::any_of(read_set.partitions.begin(), read_set.partitions.end(),
                                               [&](const auto& partition) { return lies_in(values, partition); });
}

bool touches_domain(const std::vector<Action>& actions, const std::string& domain) {
    return std::any_of(actions.begin(), actions.end(), [&](const Action& action) {
        const auto* own = std::get_if<DomainMetadata>(&action);
        return own != nullptr && own->domain == domain;
    });
}

bool touches_transaction(const OwnCommit& own, const std::string& app_id) {
    return own.reads.app_ids.contains(app_id) ||
           std::any_of(own.actions->begin(), own.actions->end(), [&](const Action& action) {
               const auto* txn = std::get_if<SetTransaction>(&action);
               return txn != nullptr && txn->app_id == app_id;
           });
}

std::optional<Conflict> find_file_conflict(const OwnCommit& own, const std::vector<Action>& winner) {
    if (own.removes_by_scope && only_rearranges(winner)) return std::nullopt;
    const bool own_metadata = find_action<Metadata>(*own.actions) != nullptr;
    const bool skip_adds = own.isolation == Isolation::snapshot ||
                           (own.isolation == Isolation::write_serializable && is_blind_append(winner) && !own_metadata);
    if (!skip_adds) {
        for (const auto& action : winner) {
            const auto* add = std::get_if<AddFile>(&action);
            if (add != nullptr && reads(own.reads, add->partition_values)) {
                return Conflict{ConflictRule::concurrent_append,
                                fmt::format("it added {}, which we should have read", add->path)};
            }
        }
    }
    std::set<std::string> own_removes;
    for (const auto& action : *own.actions) {
        if (const auto* remove = std::get_if<RemoveFile>(&action))
            own_removes.insert(file_key(remove->path, remove->deletion_vector));
    }
    for (const auto& action : winner) {
        const auto* remove = std::get_if<RemoveFile>(&action);
        if (remove == nullptr) continue;
        const auto key = file_key(remove->path, remove->deletion_vector);
        if (own_removes.contains(key)) {
            return Conflict{ConflictRule::concurrent_delete_delete,
                            fmt::format("it removed {}, which we remove too", remove->path)};
        }
        if (own.reads.files.contains(key) || reads(own.reads, remove->partition_values)) {
            return Conflict{ConflictRule::concurrent_delete_read,
                            fmt::format("it removed {}, which we read", remove->path)};
        }
    }
    return std::nullopt;
}

}  // namespace

std::string_view to_string(Isolation isolation) {
    switch (isolation) {
        case Isolation::serializable: return "Serializable";
        case Isolation::write_serializable: return "WriteSerializable";
        case Isolation::snapshot: return "SnapshotIsolation";
    }
    return "";
}

std::string_view to_string(ConflictRule rule) {
    switch (rule) {
        case ConflictRule::table_exists: return "table_exists";
        case ConflictRule::protocol_changed: return "protocol_changed";
        case ConflictRule::metadata_changed: return "metadata_changed";
        case ConflictRule::domain_changed: return "domain_changed";
        case ConflictRule::transaction: return "transaction";
        case ConflictRule::concurrent_append: return "concurrent_append";
        case ConflictRule::concurrent_delete_read: return "concurrent_delete_read";
        case ConflictRule::concurrent_delete_delete: return "concurrent_delete_delete";
    }
    return "";
}

bool lies_in(const PartitionValues& file, const PartitionValues& partition) {
    // An empty text is NULL.
    const auto same = [](const std::optional<std::string>& a, const std::optional<std::string>& b) {
        return a.value_or("") == b.value_or("");
    };
    return std::all_of(partition.begin(), partition.end(), [&](const auto& wanted) {
        const auto value = file.find(wanted.first);
        return same(value == file.end() ? std::nullopt : value->second, wanted.second);
    });
}

bool only_rearranges(const std::vector<Action>& winner) {
    return std::all_of(winner.begin(), winner.end(), [](const Action& action) {
        if (const auto* add = std::get_if<AddFile>(&action)) return !add->data_change;
        if (const auto* remove = std::get_if<RemoveFile>(&action)) return !remove->data_change;
        return true;
    });
}

std::optional<Conflict> find_conflict(const OwnCommit& own, const std::vector<Action>& winner) {
    if (const auto* protocol = find_action<Protocol>(winner)) {
        if (find_action<Protocol>(*own.actions) != nullptr)
            return Conflict{ConflictRule::protocol_changed, "it changed the protocol, as we do"};
        if (drops_features(own.read_protocol, *protocol))
            return Conflict{ConflictRule::protocol_changed, "it dropped features of the protocol"};
    }
    if (find_action<Metadata>(winner) != nullptr)
        return Conflict{ConflictRule::metadata_changed, "it changed the table's schema or properties"};
    for (const auto& action : winner) {
        if (const auto* domain = std::get_if<DomainMetadata>(&action);
            domain != nullptr && touches_domain(*own.actions, domain->domain)) {
            return Conflict{ConflictRule::domain_changed,
                            fmt::format("it changed the metadata domain '{}', as we do", domain->domain)};
        }
    }
    for (const auto& action : winner) {
        if (const auto* txn = std::get_if<SetTransaction>(&action);
            txn != nullptr && touches_transaction(own, txn->app_id)) {
            return Conflict{ConflictRule::transaction,
                            fmt::format("it moved the position of '{}' to {}", txn->app_id, txn->version)};
        }
    }
    return find_file_conflict(own, winner);
}

}  // namespace weir::lake

#include "lake/log/state.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <unordered_map>

#include "lake/log/protocol.h"

namespace weir::lake {
namespace {

// Reads the schema and the mapping out of the metadata and checks that we can read the table.
Status settle(TableState& state, const std::string& table) {
    if (auto readable = check_readable(state.protocol); !readable)
        return std::move(readable).error().within(fmt::format("opening {}", table));
    auto schema = parse_schema(state.metadata.schema_text);
    if (!schema) return std::move(schema.error()).within(fmt::format("reading the schema of {}", table));
    state.schema = std::move(*schema);
    WEIR_ASSIGN(state.mapping, column_mapping(state.metadata));
    for (const auto& column : state.metadata.partition_columns) {
        if (state.schema.find(column) == nullptr) {
            return Error{
                .code = ErrorCode::table_damaged,
                .message = fmt::format("{} is partitioned by '{}', which is not one of its columns", table, column)};
        }
    }
    return ok();
}

}  // namespace

bool Replay::first_sight(std::string_view path, const std::optional<DeletionVectorRef>& vector) {
    // Inside a checkpoint every key occurs once, so only the keys of the commits after it need to be remembered.
    if (in_checkpoint_) return seen_files_.empty() || !seen_files_.contains(file_key(path, vector));
    return seen_files_.insert(file_key(path, vector)).second;
}

void Replay::take(Action& action, std::vector<AddFile>& adds) {
    struct Taker {
        Replay& replay;
        std::vector<AddFile>& adds;
        void operator()(CommitInfo& info) const {
            if (replay.commits_ == 1) replay.state_.in_commit_timestamp_ms = info.in_commit_timestamp_ms;
        }
        void operator()(Protocol& protocol) const {
            if (!std::exchange(replay.has_protocol_, true)) replay.state_.protocol = std::move(protocol);
        }
        void operator()(Metadata& metadata) const {
            if (!std::exchange(replay.has_metadata_, true)) replay.state_.metadata = std::move(metadata);
        }
        void operator()(AddFile& add) const {
            if (replay.first_sight(add.path, add.deletion_vector)) adds.push_back(std::move(add));
        }
        void operator()(RemoveFile& remove) const {
            if (replay.first_sight(remove.path, remove.deletion_vector))
                replay.state_.tombstones.push_back(std::move(remove));
        }
        void operator()(SetTransaction& txn) const {
            auto app_id = txn.app_id;
            replay.state_.transactions.emplace(std::move(app_id), std::move(txn));
        }
        void operator()(DomainMetadata& domain) const {
            auto name = domain.domain;
            replay.seen_domains_.emplace(std::move(name), std::move(domain));
        }
    };
    std::visit(Taker{*this, adds}, action);
}

void Replay::commit(std::vector<Action> actions) {
    ++commits_;
    std::vector<AddFile> adds;
    // Within one commit removes come before adds, so from new to old the adds are met first.
    for (auto& action : actions) {
        if (!std::holds_alternative<RemoveFile>(action)) take(action, adds);
    }
    for (auto& action : actions) {
        if (std::holds_alternative<RemoveFile>(action)) take(action, adds);
    }
    commit_adds_.push_back(std::move(adds));
}

void Replay::checkpoint_action(Action action) {
    in_checkpoint_ = true;
    take(action, checkpoint_adds_);
}

Result<TableState> Replay::finish(TableVersion version, const std::string& table) && {
    if (!has_protocol_ || !has_metadata_) {
        return Error{.code = ErrorCode::table_damaged,
                     .message = fmt::format("{}: the log holds no {} action up to version {}", table,
                                            has_protocol_ ? "metaData" : "protocol", version.get()),
                     .hint = "its first commit is incomplete or not from a Delta writer"};
    }
    state_.version = version;
    state_.files = std::move(checkpoint_adds_);
    for (auto adds = commit_adds_.rbegin(); adds != commit_adds_.rend(); ++adds)
        std::move(adds->begin(), adds->end(), std::back_inserter(state_.files));
    for (auto& [name, domain] : seen_domains_) {
        if (!domain.removed) state_.domains.emplace(name, std::move(domain));
    }
    WEIR_TRY(settle(state_, table));
    return std::move(state_);
}

Status advance(TableState& state, std::vector<Action> actions, const std::string& table) {
    state.version = next(state.version);
    state.in_commit_timestamp_ms.reset();
    bool reread = false;
    std::unordered_set<std::string> removed;
    std::unordered_set<std::string> added;
    std::vector<AddFile> adds;
    std::vector<RemoveFile> removes;
    for (auto& action : actions) {
        if (auto* info = std::get_if<CommitInfo>(&action)) {
            state.in_commit_timestamp_ms = info->in_commit_timestamp_ms;
        } else if (auto* protocol = std::get_if<Protocol>(&action)) {
            state.protocol = std::move(*protocol);
            reread = true;
        } else if (auto* metadata = std::get_if<Metadata>(&action)) {
            state.metadata = std::move(*metadata);
            reread = true;
        } else if (auto* add = std::get_if<AddFile>(&action)) {
            added.insert(file_key(add->path, add->deletion_vector));
            adds.push_back(std::move(*add));
        } else if (auto* remove = std::get_if<RemoveFile>(&action)) {
            removed.insert(file_key(remove->path, remove->deletion_vector));
            removes.push_back(std::move(*remove));
        } else if (auto* txn = std::get_if<SetTransaction>(&action)) {
            auto app_id = txn->app_id;
            state.transactions.insert_or_assign(std::move(app_id), std::move(*txn));
        } else if (auto* domain = std::get_if<DomainMetadata>(&action)) {
            if (domain->removed) {
                state.domains.erase(domain->domain);
            } else {
                auto name = domain->domain;
                state.domains.insert_or_assign(std::move(name), std::move(*domain));
            }
        }
    }
    // A fresh file's name is unique, so a pure append (the common case) touches neither list of old files, unless a
    // file comes back that was removed before.
    const auto comes_back = [&](const RemoveFile& r) { return added.contains(file_key(r.path, r.deletion_vector)); };
    if (!state.tombstones.empty() && !added.empty()) std::erase_if(state.tombstones, comes_back);
    if (!removed.empty()) {
        std::erase_if(state.files,
                      [&](const AddFile& f) { return removed.contains(file_key(f.path, f.deletion_vector)); });
        for (auto& remove : removes) {
            if (!comes_back(remove)) state.tombstones.push_back(std::move(remove));
        }
    }
    std::move(adds.begin(), adds.end(), std::back_inserter(state.files));
    return reread ? settle(state, table) : ok();
}

}  // namespace weir::lake

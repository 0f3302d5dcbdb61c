//   prepared ──► put ──► committed ──► (checkpoint, now and then)
//      ▲          │
//      │          ├──► undecided    the answer got lost and the log could not be read
//      └──────────┤
//   somebody else ├──► conflicted   somebody else wrote version N first, and it matters to us
//   wrote N first └──► failed       certainly not in the log
//
//   prepared → put         data files and their folders are synced, then put_entry()
//   put      → prepared    rebase(): version N is read, found harmless, and N + 1 is ours to try
//   put      → committed   N.json is ours: it was put, or it was read back with our txnId
//
// (1) A file is durable under its name before the log names it.
// (2) Version N + 1 is put only by one who has read version N.
// (3) N.json is never overwritten: put_if_absent lets one writer win.
// (4) Data files are removed only when it is certain that no log entry names them.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "base/limits.h"
#include "lake/log/paths.h"
#include "lake/log/protocol.h"
#include "lake/maintain/checkpoint.h"
#include "lake/uuid.h"
#include "lake/write/transaction.h"

namespace weir::lake {
namespace {

constexpr std::string_view engine = "weir/0.1.0";

std::string lines_of(const std::vector<Action>& actions) {
    std::string lines;
    for (const auto& action : actions) lines += print_action(action) + "\n";
    return lines;
}

const CommitInfo* info_of(const std::vector<Action>& actions) {
    for (const auto& action : actions) {
        if (const auto* info = std::get_if<CommitInfo>(&action)) return info;
    }
    return nullptr;
}

}  // namespace

class Committer {
public:
    explicit Committer(Transaction mine)
        : mine_(std::move(mine)), store_(mine_.table_.store()), snapshot_(mine_.snapshot_), txn_id_(new_uuid()) {}

    Result<CommitOutcome> run() {
        WEIR_TRY(check());
        WEIR_TRY(store_.settle(mine_.staged_.adopted()));
        auto version = snapshot_ ? next(snapshot_->version()) : TableVersion(0);
        for (int attempt = 0; attempt < limits::commit_attempts_max; ++attempt) {
            build_actions();
            WEIR_ASSIGN(auto put, put_entry(version));
            switch (put.state) {
                case PutState::committed: return CommitOutcome(finish(version));
                case PutState::undecided: return CommitOutcome(Undecided{version, txn_id_, std::move(put.error)});
                case PutState::taken: break;
            }
            // Everything that was committed meanwhile is looked at before the next try, which costs a synced file.
            std::optional<std::vector<Action>> winner(std::move(put.winner));
            while (winner) {
                if (auto conflict = judge(*winner))
                    return CommitOutcome(Conflicted{version, std::move(*conflict), std::move(mine_)});
                WEIR_TRY(rebase(std::move(*winner)));
                build_actions();
                version = next(version);
                WEIR_ASSIGN(winner, read_if_there(version));
            }
            back_off(attempt);
        }
        return Error{.code = ErrorCode::table_conflict,
                     .message = fmt::format("{}: other writers were faster {} times in a row", store_.name(),
                                            limits::commit_attempts_max),
                     .hint = "run again when fewer writers are at work"};
    }

private:
    enum class PutState { committed, taken, undecided };
    struct Put {
        PutState state;
        std::vector<Action> winner{};
        Error error{};
    };

    // What the caller may still have got wrong.
    Status check() const {
        const bool removes_data = mine_.overwrite_all_ || !mine_.overwrite_partitions_.empty();
        if (removes_data && !mine_.removed_files_.empty())
            return Error{.code = ErrorCode::internal, .message = "overwrite and remove_file in one transaction"};
        return ok();
    }

    bool in_scope(const AddFile& file) const {
        return mine_.overwrite_all_ ||
               std::any_of(mine_.overwrite_partitions_.begin(), mine_.overwrite_partitions_.end(),
                           [&](const auto& partition) { return lies_in(file.partition_values, partition); });
    }

    // Everything but commitInfo, as of the version that we stand on.
    void build_actions() {
        actions_.clear();
        const auto now = to_unix_millis(mine_.table_.clock().now());
        if (mine_.protocol_) actions_.emplace_back(*mine_.protocol_);
        if (mine_.metadata_changed_) actions_.emplace_back(mine_.layout_.metadata);
        for (const auto& [app_id, txn] : mine_.txns_) {
            auto stamped = txn;
            stamped.updated_ms = now;
            actions_.emplace_back(std::move(stamped));
        }
        removed_ = 0;
        if (snapshot_ && (mine_.overwrite_all_ || !mine_.overwrite_partitions_.empty())) {
            for (const auto& file : snapshot_->files()) {
                if (!in_scope(file)) continue;
                actions_.emplace_back(remove_of(file, now, true));
                ++removed_;
            }
        }
        for (const auto& [file, data_change] : mine_.removed_files_) {
            actions_.emplace_back(remove_of(file, now, data_change));
            ++removed_;
        }
        for (const auto& add : mine_.adds_) actions_.emplace_back(add);
        for (const auto& action : mine_.extra_) actions_.push_back(action);
    }

    bool blind() const {
        return snapshot_ && removed_ == 0 && !mine_.metadata_changed_ && !mine_.protocol_ &&
               !mine_.reads_.whole_table && mine_.reads_.partitions.empty() && mine_.extra_.empty();
    }

    std::string commit_info(TableVersion version) const {
        using Json = nlohmann::ordered_json;
        auto now = to_unix_millis(mine_.table_.clock().now());
        Json info = Json::object();
        if (property_is_true(mine_.layout_.metadata, "delta.enableInCommitTimestamps")) {
            // Must grow with the versions, whatever the clock does.
            if (snapshot_) now = std::max(now, snapshot_->state().in_commit_timestamp_ms.value_or(0) + 1);
            info["inCommitTimestamp"] = now;
        }
        info["timestamp"] = now;
        info["operation"] = mine_.operation_;
        auto parameters = Json::parse(mine_.operation_parameters_, nullptr, false);
        info["operationParameters"] = parameters.is_object() ? std::move(parameters) : Json::object();
        if (version > TableVersion(0)) info["readVersion"] = previous(version).get();
        info["isolationLevel"] = to_string(mine_.isolation_);
        info["isBlindAppend"] = blind();
        std::int64_t bytes = 0;
        for (const auto& add : mine_.adds_) bytes += add.size_bytes;
        info["operationMetrics"] = {{"numFiles", std::to_string(mine_.adds_.size())},
                                    {"numOutputRows", std::to_string(mine_.rows_added_)},
                                    {"numOutputBytes", std::to_string(bytes)},
                                    {"numRemovedFiles", std::to_string(removed_)}};
        info["engineInfo"] = engine;
        info["txnId"] = txn_id_;
        if (mine_.weir_info_) info["weir"] = Json::parse(*mine_.weir_info_, nullptr, false);
        return Json{{"commitInfo", std::move(info)}}.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    }

    Result<Put> put_entry(TableVersion version) {
        const auto path = commit_path(version);
        const auto text = commit_info(version) + lines_of(actions_);
        auto files = mine_.staged_.release();
        auto put = store_.put_if_absent(path, text);
        if (put) return Put{PutState::committed};
        // Taken, or the answer got lost: what stands in the log decides.
        auto winner = read_commit(store_, version);
        if (!winner) {
            if (winner.error().code == ErrorCode::not_found) {
                mine_.staged_.take_back(std::move(files));
                return std::move(put).error();
            }
            if (winner.error().code != ErrorCode::table_damaged) return Put{PutState::undecided, {}, put.error()};
            mine_.staged_.take_back(std::move(files));
            return std::move(winner).error();
        }
        const auto* info = info_of(*winner);
        if (info != nullptr && info->txn_id == txn_id_) {
            // Ours, but perhaps not yet durable: the sync after the link may be what failed.
            if (auto settled = store_.settle({path}); !settled)
                return Put{PutState::undecided, {}, std::move(settled).error()};
            return Put{PutState::committed};
        }
        mine_.staged_.take_back(std::move(files));
        return Put{PutState::taken, std::move(*winner)};
    }

    Result<std::optional<std::vector<Action>>> read_if_there(TableVersion version) {
        auto actions = read_commit(store_, version);
        if (actions) return std::optional(std::move(*actions));
        if (actions.error().code == ErrorCode::not_found) return std::optional<std::vector<Action>>();
        return std::move(actions).error();
    }

    // Writers that meet in step would meet again: each waits a while of its own, longer from time to time.
    static void back_off(int attempt) {
        thread_local std::minstd_rand random(std::random_device{}());
        const int most_ms = std::min(1 << std::min(attempt, 6), limits::commit_backoff_ms_max);
        std::this_thread::sleep_for(std::chrono::milliseconds(std::uniform_int_distribution<int>(0, most_ms)(random)));
    }

    std::optional<Conflict> judge(const std::vector<Action>& winner) const {
        if (!snapshot_) return Conflict{ConflictRule::table_exists, "it created the table"};
        OwnCommit own{.read_protocol = snapshot_->protocol(),
                      .reads = mine_.reads_,
                      .actions = &actions_,
                      .isolation = mine_.isolation_,
                      .removes_by_scope = mine_.overwrite_all_ || !mine_.overwrite_partitions_.empty()};
        return find_conflict(own, winner);
    }

    Status rebase(std::vector<Action> winner) {
        auto state = snapshot_->state();
        WEIR_TRY(advance(state, std::move(winner), store_.name()));
        WEIR_TRY(check_writable(state.protocol, state.metadata, state.schema));
        snapshot_ = Snapshot(std::move(state));
        return ok();
    }

    Committed finish(TableVersion version) {
        Committed committed{version};
        if (!mine_.checkpointing_ || !wants_checkpoint(version, mine_.layout_.metadata)) return committed;
        // The commit stands whatever becomes of the checkpoint.
        if (auto written = write_checkpoint(mine_.table_, version); !written)
            committed.checkpoint_error = std::move(written).error();
        return committed;
    }

    Transaction mine_;
    ObjectStore& store_;
    std::optional<Snapshot> snapshot_;  // what our commit stands on; moves with every rebase
    const std::string txn_id_;
    std::vector<Action> actions_;
    std::size_t removed_ = 0;
};

Result<CommitOutcome> commit(Transaction mine) { return Committer(std::move(mine)).run(); }

Result<Committed> commit_or_fail(Transaction mine) {
    const auto name = mine.table().name();
    WEIR_ASSIGN(auto outcome, commit(std::move(mine)));
    if (auto* committed = std::get_if<Committed>(&outcome)) return std::move(*committed);
    if (auto* conflicted = std::get_if<Conflicted>(&outcome)) {
        return Error{.code = ErrorCode::table_conflict,
                     .message = fmt::format("{}: another writer's version {} stands in the way: {}", name,
                                            conflicted->winner.get(), conflicted->conflict.message),
                     .hint = "run again: it will start from the new version"};
    }
    auto& undecided = std::get<Undecided>(outcome);
    undecided.error.message = fmt::format("{}: it is not known whether version {} was written: {}", name,
                                          undecided.version.get(), undecided.error.message);
    undecided.error.hint =
        fmt::format("look whether {} holds the txnId {}{}{}", commit_path(undecided.version), undecided.txn_id,
                    undecided.error.hint.empty() ? "" : "; ", undecided.error.hint);
    return std::move(undecided.error);
}

}  // namespace weir::lake

#include "lake/log/snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lake/log/checkpoint_reader.h"
#include "lake/log/paths.h"
#include "lake/log/protocol.h"

namespace weir::lake {
namespace {

const std::string log_folder_text(log_folder);

// The version that _last_checkpoint names. It is only a hint: whatever is wrong with it, we list the folder instead.
std::optional<TableVersion> checkpoint_hint(ObjectStore& store) {
    const auto content = store.get(log_folder_text + "/_last_checkpoint");
    if (!content) return std::nullopt;
    const auto json = nlohmann::json::parse(*content, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    const auto version = json.find("version");
    if (version == json.end() || !version->is_number_integer()) return std::nullopt;
    const auto number = version->get<std::int64_t>();
    return number < 0 ? std::nullopt : std::optional(TableVersion(number));
}

Result<LogSegment> find_segment(ObjectStore& store, std::optional<TableVersion> wanted) {
    const auto hint = checkpoint_hint(store);
    if (hint && (!wanted || *wanted >= *hint)) {
        WEIR_ASSIGN(const auto listing, store.list(log_folder_text, log_path_before(*hint), Depth::here));
        const auto checkpoints = complete_checkpoints(listing);
        const bool found =
            std::any_of(checkpoints.begin(), checkpoints.end(), [&](const auto& c) { return c.version == *hint; });
        if (found) return choose_segment(listing, wanted, store.name());
    }
    WEIR_ASSIGN(const auto listing, store.list(log_folder_text, "", Depth::here));
    return choose_segment(listing, wanted, store.name());
}

Result<std::vector<Action>> read_commit_file(ObjectStore& store, const std::string& path) {
    WEIR_ASSIGN(const auto content, store.get(path));
    if (content.empty()) {
        return Error{.code = ErrorCode::table_damaged,
                     .message = fmt::format("{} is empty", store.url(path)),
                     .hint =
                         "a crash of the machine or a full disk cut it off; put back an intact copy, or remove this "
                         "file if it is the newest commit: the version before it then stands"};
    }
    auto actions = parse_commit(content, store.url(path));
    if (!actions && content.back() != '\n') {
        actions.error().hint =
            "the file ends in the middle of a line: put back an intact copy, or remove this file if it is the newest "
            "commit: the version before it then stands";
    }
    return actions;
}

// Nothing: there is no such commit.
Result<std::optional<CommitFile>> commit_file(ObjectStore& store, TableVersion version) {
    auto found = store.head(commit_path(version));
    if (found) return std::optional(CommitFile{version, found->path, found->size, found->modified});
    if (found.error().code == ErrorCode::not_found) return std::optional<CommitFile>();
    return std::move(found).error();
}

struct ReadState {
    TableState state;
    std::optional<CommitFile> last;
};

Result<ReadState> read_state(ObjectStore& store, sql::Database& database, const At& at) {
    std::optional<TableVersion> wanted;
    if (const auto* version = std::get_if<TableVersion>(&at)) wanted = *version;
    if (const auto* time = std::get_if<AtTime>(&at)) {
        WEIR_ASSIGN(wanted, version_at(store, database, time->time));
    }
    WEIR_ASSIGN(auto segment, find_segment(store, wanted));
    Replay replay;
    for (auto commit = segment.commits.rbegin(); commit != segment.commits.rend(); ++commit) {
        WEIR_ASSIGN(auto actions, read_commit_file(store, commit->path));
        replay.commit(std::move(actions));
    }
    if (segment.checkpoint) {
        WEIR_TRY(read_checkpoint(store, database, *segment.checkpoint,
                                 [&](Action action) { replay.checkpoint_action(std::move(action)); }));
    }
    WEIR_ASSIGN(auto state, std::move(replay).finish(segment.version, store.name()));
    return ReadState{std::move(state), std::move(segment.last)};
}

}  // namespace

std::optional<std::int64_t> Snapshot::transaction_version(const std::string& app_id) const {
    const auto found = state_->transactions.find(app_id);
    if (found == state_->transactions.end()) return std::nullopt;
    return found->second.version;
}

Result<Snapshot> read_snapshot(ObjectStore& store, sql::Database& database, const At& at) {
    WEIR_ASSIGN(auto read, read_state(store, database, at));
    return Snapshot(std::move(read.state), std::move(read.last));
}

Result<Snapshot> read_newest(ObjectStore& store, sql::Database& database, const std::optional<Snapshot>& known) {
    const auto read_whole = [&]() -> Result<Snapshot> {
        WEIR_ASSIGN(auto read, read_state(store, database, Newest{}));
        read.state.tombstones = {};
        return Snapshot(std::move(read.state), std::move(read.last));
    };
    if (!known) return read_whole();
    // A table that was removed or made anew has no such commit, or another one; so has a log that was cleaned up.
    WEIR_ASSIGN(auto last, commit_file(store, known->version()));
    if (!last || last != known->last_commit()) return read_whole();
    std::optional<TableState> state;
    for (auto version = next(known->version());; version = next(version)) {
        // Looked at before it is read: if it is another one by then, it will not be this one the next time.
        WEIR_ASSIGN(auto file, commit_file(store, version));
        if (!file) break;
        auto actions = read_commit(store, version);
        if (!actions && actions.error().code == ErrorCode::not_found) return read_whole();
        if (!actions) return std::move(actions).error();
        if (!state) state = known->state();
        WEIR_TRY(advance(*state, std::move(*actions), store.name()));
        state->tombstones.clear();
        last = std::move(file);
    }
    if (!state) return *known;
    return Snapshot(std::move(*state), std::move(last));
}

Result<std::vector<Action>> read_commit(ObjectStore& store, TableVersion version) {
    return read_commit_file(store, commit_path(version));
}

Result<std::vector<CommitTime>> commit_times(ObjectStore& store, sql::Database& database) {
    WEIR_ASSIGN(const auto listing, store.list(log_folder_text, "", Depth::here));
    const auto commits = commit_files(listing);
    std::vector<CommitTime> times;
    times.reserve(commits.size());
    for (const auto& commit : commits) {
        auto time = commit.modified;
        // A copied table or a clock that went back: keep the order of the versions.
        if (!times.empty() && time <= times.back().time) time = times.back().time + std::chrono::milliseconds(1);
        times.push_back({commit.version, time});
    }
    if (times.empty()) return times;
    WEIR_ASSIGN(const auto newest, read_snapshot(store, database));
    if (!property_is_true(newest.metadata(), "delta.enableInCommitTimestamps")) return times;
    // The property is absent where in-commit timestamps exist from the first commit on.
    std::int64_t enabled_at = 0;
    if (const auto text = property(newest.metadata(), "delta.inCommitTimestampEnablementVersion"))
        enabled_at = std::atoll(text->c_str());
    for (std::size_t i = 0; i < commits.size(); ++i) {
        if (commits[i].version.get() < enabled_at) continue;
        WEIR_ASSIGN(const auto actions, read_commit_file(store, commits[i].path));
        for (const auto& action : actions) {
            const auto* info = std::get_if<CommitInfo>(&action);
            if (info != nullptr && info->in_commit_timestamp_ms)
                times[i].time = Time(std::chrono::milliseconds(*info->in_commit_timestamp_ms));
        }
    }
    return times;
}

Result<TableVersion> version_at(ObjectStore& store, sql::Database& database, Time time) {
    WEIR_ASSIGN(const auto times, commit_times(store, database));
    if (times.empty()) {
        return Error{.code = ErrorCode::not_found, .message = fmt::format("{} has no commit in its log", store.name())};
    }
    if (time < times.front().time) {
        return Error{
            .code = ErrorCode::not_found,
            .message = fmt::format("{} had no version at {}: its log begins at {}", store.name(), to_iso(time),
                                   to_iso(times.front().time)),
            .hint = fmt::format("the oldest version that can be read by time is {}", times.front().version.get())};
    }
    const auto after = std::upper_bound(times.begin(), times.end(), time,
                                        [](Time t, const CommitTime& commit) { return t < commit.time; });
    return std::prev(after)->version;
}

}  // namespace weir::lake

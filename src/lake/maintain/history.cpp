#include "lake/maintain/history.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lake/log/paths.h"
#include "lake/read/file_facts.h"

namespace weir::lake {
namespace {

using Json = nlohmann::json;

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string text_of(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// commitInfo.weir as JSON text.
std::string weir_of(const CommitInfo& info) {
    const auto json = Json::parse(info.text, nullptr, false);
    if (!json.is_object() || !json.contains("weir")) return "";
    return dump(json["weir"]);
}

void read_info(const CommitInfo& info, HistoryEntry& entry) {
    entry.operation = info.operation;
    entry.txn_id = info.txn_id;
    entry.blind_append = info.blind_append;
    const auto json = Json::parse(info.text, nullptr, false);
    if (!json.is_object()) return;
    entry.engine = text_of(json, "engineInfo");
    if (const auto parameters = json.find("operationParameters"); parameters != json.end())
        entry.parameters = dump(*parameters);
    if (const auto metrics = json.find("operationMetrics"); metrics != json.end() && metrics->is_object()) {
        // Numbers from some writers, strings from others.
        for (const auto& [name, value] : metrics->items())
            entry.metrics.emplace(name, value.is_string() ? value.get<std::string>() : dump(value));
    }
    if (json.contains("weir")) entry.weir = dump(json["weir"]);
}

}  // namespace

Result<std::vector<HistoryEntry>> history(const Table& table, std::size_t limit) {
    WEIR_ASSIGN(const auto times, commit_times(table.store(), table.database()));
    if (times.empty()) WEIR_TRY(table.snapshot());
    std::vector<HistoryEntry> entries;
    for (auto commit = times.rbegin(); commit != times.rend() && (limit == 0 || entries.size() < limit); ++commit) {
        HistoryEntry entry{.version = commit->version, .time = commit->time};
        WEIR_ASSIGN(const auto actions, read_commit(table.store(), commit->version));
        for (const auto& action : actions) {
            if (const auto* info = std::get_if<CommitInfo>(&action)) read_info(*info, entry);
        }
        entries.push_back(std::move(entry));
    }
    return entries;
}

Result<std::vector<TransactionCommit>> transactions_after(const Table& table, const std::string& app_id,
                                                          std::int64_t after) {
    WEIR_ASSIGN(const auto snapshot, table.snapshot());
    std::vector<TransactionCommit> commits;
    if (snapshot.transaction_version(app_id).value_or(after) <= after) return commits;
    for (auto version = snapshot.version(); version >= TableVersion(0); version = previous(version)) {
        const auto actions = read_commit(table.store(), version);
        if (!actions) {
            // Below here the log was cleaned up.
            if (actions.error().code == ErrorCode::not_found) break;
            return actions.error();
        }
        const auto found = std::find_if(actions->begin(), actions->end(), [&](const Action& action) {
            const auto* txn = std::get_if<SetTransaction>(&action);
            return txn != nullptr && txn->app_id == app_id;
        });
        if (found == actions->end()) continue;
        TransactionCommit commit{version, std::get<SetTransaction>(*found).version, ""};
        if (commit.txn_version <= after) break;
        for (const auto& action : *actions) {
            if (const auto* info = std::get_if<CommitInfo>(&action)) commit.weir = weir_of(*info);
        }
        commits.push_back(std::move(commit));
        if (commits.back().txn_version == after + 1) break;
    }
    std::reverse(commits.begin(), commits.end());
    return commits;
}

Result<TableSummary> summarize(const Table& table, const At& at) {
    WEIR_ASSIGN(const auto snapshot, read_snapshot(table.store(), table.database(), at));
    TableSummary summary{.location = table.name(), .version = snapshot.version()};
    summary.schema = snapshot.schema();
    summary.partition_columns = snapshot.partition_columns();
    summary.files = snapshot.files().size();
    summary.removed_files = snapshot.tombstones().size();
    summary.protocol = snapshot.protocol();
    summary.properties = snapshot.metadata().configuration;
    for (const auto& [app_id, txn] : snapshot.transactions()) summary.transactions.emplace(app_id, txn.version);
    summary.rows = 0;
    for (const auto& file : snapshot.files()) {
        summary.bytes += file.size_bytes;
        const auto rows = live_rows(file);
        if (!rows) summary.rows.reset();
        if (summary.rows) *summary.rows += *rows;
    }
    WEIR_ASSIGN(const auto times, commit_times(table.store(), table.database()));
    for (const auto& commit : times) {
        if (commit.version == snapshot.version()) summary.time = commit.time;
    }
    WEIR_ASSIGN(const auto listing, table.store().list(std::string(log_folder), "", Depth::here));
    const auto checkpoints = complete_checkpoints(listing);
    if (!checkpoints.empty()) summary.checkpoint = checkpoints.back().version;
    return summary;
}

}  // namespace weir::lake

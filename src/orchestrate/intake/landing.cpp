#include "orchestrate/intake/landing.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "lake/log/paths.h"
#include "lake/maintain/history.h"
#include "model/system_tables.h"
#include "orchestrate/landing_table.h"

namespace weir::orchestrate {
namespace {

using nlohmann::json;

constexpr std::string_view last_follow_up = "weir/accounting";

std::string joined(std::string hint, const std::string& more) {
    return more.empty() ? std::move(hint) : std::move(hint) + "; " + more;
}

std::string landing_json(const std::vector<FollowUp>& follow_ups, const LandingInfo& info) {
    json follow = json::object();
    for (const auto& up : follow_ups) {
        json adds = json::array();
        for (const auto& add : up.transaction.added()) adds.push_back(json::parse(lake::print_action(add)));
        follow[up.table] = std::move(adds);
    }
    return json{{"app", info.app}, {"epoch", info.epoch}, {"run_id", info.run_id}, {"follow", std::move(follow)}}
        .dump();
}

Status commit_follow_up(const Workplace& at, const std::string& table_name, const std::vector<lake::AddFile>& adds,
                        const std::string& app, std::int64_t epoch) {
    WEIR_ASSIGN(auto table, at.lake.table(table_name));
    table.set_clock(at.clock);
    // Other processes commit to a system table too (a discard while a run works, others that take in): look again and
    // go behind them.
    constexpr int attempts = 20;
    for (int attempt = 0;; ++attempt) {
        WEIR_ASSIGN(auto snapshot, table.snapshot());
        if (snapshot.transaction_version(app).value_or(-1) >= epoch) return ok();
        WEIR_ASSIGN(auto transaction, lake::Transaction::begin(table, std::move(snapshot)));
        for (const auto& add : adds) WEIR_TRY(transaction.adopt_add(add));
        WEIR_TRY(transaction.set_txn(app, epoch));
        transaction.set_operation("WRITE");
        transaction.set_checkpointing(!at.checkpoints_beside);
        auto outcome = lake::commit_or_fail(std::move(transaction));
        if (outcome) return ok();
        if (outcome.error().code != ErrorCode::table_conflict || attempt == attempts) return std::move(outcome).error();
    }
}

Result<std::vector<lake::AddFile>> parse_adds(const json& adds, const std::string& table) {
    std::vector<lake::AddFile> result;
    for (const auto& text : adds) {
        WEIR_ASSIGN(const auto action, lake::parse_action(text.dump()));
        const auto* add = action ? std::get_if<lake::AddFile>(&*action) : nullptr;
        if (add == nullptr)
            return Error{.code = ErrorCode::table_damaged,
                         .message = fmt::format("{}: a landing names no data file for it", table)};
        result.push_back(*add);
    }
    return result;
}

// What the landing of an epoch says: the add actions of each table that follows.
Result<json> what_follows(const lake::Table& table, const std::string& app, std::int64_t epoch) {
    WEIR_ASSIGN(const auto landing, lake::find_transaction(table, app));
    auto weir = landing && landing->txn_version == epoch ? json::parse(landing->weir, nullptr, false) : json();
    if (!weir.is_object() || !weir.contains("follow"))
        return Error{
            .code = ErrorCode::table_damaged,
            .message = fmt::format("{}: the landing of epoch {} does not say what follows", table.name(), epoch)};
    return std::move(weir["follow"]);
}

constexpr std::string_view intake_prefix = "weir/source/";
constexpr std::string_view replay_prefix = "weir/replay/";

}  // namespace

std::string intake_app(const std::string& source) { return std::string(intake_prefix) + source; }
std::string replay_app(const std::string& source) { return std::string(replay_prefix) + source; }

Result<FollowUp> stage_follow_up(const Workplace& at, sql::Connection& connection, const std::string& system_table_name,
                                 const std::string& select_sql, const std::string& app, std::int64_t epoch) {
    const auto& known = system_table(system_table_name);
    const auto name = "weir/" + system_table_name;
    WEIR_ASSIGN(const auto table, open_or_create(at, name, known.schema, {}, std::string(known.summary)));
    WEIR_TRY(add_columns(table, known.schema, name));
    WEIR_ASSIGN(auto snapshot, table.snapshot());
    WEIR_ASSIGN(auto transaction, lake::Transaction::begin(table, std::move(snapshot)));
    WEIR_ASSIGN(const auto appended, transaction.append(connection, select_sql));
    static_cast<void>(appended);
    WEIR_TRY(transaction.set_txn(app, epoch));
    return FollowUp{name, std::move(transaction)};
}

Result<std::int64_t> land(const Workplace& at, lake::Transaction landing, std::vector<FollowUp> follow_ups,
                          const LandingInfo& info) {
    assert(!follow_ups.empty() && follow_ups.back().table == last_follow_up);
    const auto table = landing.table().name();
    WEIR_TRY(landing.set_txn(info.app, info.epoch));
    WEIR_TRY(landing.set_weir_info(landing_json(follow_ups, info)));
    landing.set_operation("WRITE");
    landing.set_checkpointing(!at.checkpoints_beside);
    WEIR_ASSIGN(auto outcome, lake::commit(std::move(landing)));
    if (auto* conflicted = std::get_if<lake::Conflicted>(&outcome))
        return Error{.code = ErrorCode::table_conflict,
                     .message = fmt::format("{}: {}", table, conflicted->conflict.message),
                     .hint = "nothing was committed; run again"};
    // From here on the log names, or may name, the staged files.
    std::vector<std::pair<std::string, std::vector<lake::AddFile>>> files;
    for (auto& up : follow_ups) {
        files.emplace_back(up.table, up.transaction.added());
        up.transaction.keep_files();
    }
    if (auto* undecided = std::get_if<lake::Undecided>(&outcome)) {
        undecided->error.hint =
            joined("whether the commit happened is not known; run again, which finds out", undecided->error.hint);
        return std::move(undecided->error);
    }
    for (const auto& [name, adds] : files) {
        auto status = commit_follow_up(at, name, adds, info.app, info.epoch);
        if (!status) {
            auto error = std::move(status).error();
            error.hint = joined("the rows are in their table; the next run completes the accounts", error.hint);
            return std::move(error).within("committing to " + name);
        }
    }
    return std::get<lake::Committed>(outcome).version.get();
}

Status complete_follow_ups(const Workplace& at, const std::string& table_name, const std::string& app) {
    WEIR_ASSIGN(const auto table, at.lake.table(table_name));
    WEIR_ASSIGN(const auto snapshot, table.newest());
    const auto epoch = snapshot ? snapshot->transaction_version(app) : std::nullopt;
    WEIR_ASSIGN(const auto accounting, at.lake.table(std::string(last_follow_up)));
    WEIR_ASSIGN(const auto accounts, accounting.newest());
    const auto followed = accounts ? accounts->transaction_version(app) : std::nullopt;
    if (followed && *followed > epoch.value_or(0))
        return Error{
            .code = ErrorCode::table_damaged,
            .message = fmt::format("table '{}' holds {} of the {} intakes that weir.accounting has of '{}'; rows "
                                   "that were taken would be missing",
                                   table_name, epoch.value_or(0), *followed, app),
            .hint =
                "put the table's newest commits back from a copy; to land a source in another table, give "
                "the source a new name too (rename its file in sources/)"};
    if (!epoch || followed == epoch) return ok();
    WEIR_ASSIGN(const auto follow, what_follows(table, app, *epoch));
    // In any order but accounting last, which says that the others are done.
    std::vector<std::string> names;
    for (const auto& item : follow.items()) {
        if (item.key() != last_follow_up) names.push_back(item.key());
    }
    names.emplace_back(last_follow_up);
    for (const auto& name : names) {
        if (!follow.contains(name)) continue;
        WEIR_ASSIGN(const auto adds, parse_adds(follow[name], name));
        WEIR_TRY(commit_follow_up(at, name, adds, app, *epoch));
    }
    return ok();
}

Result<OpenLandings> open_landings(const lake::Lake& lake) {
    OpenLandings open;
    WEIR_ASSIGN(const auto names, lake.tables());
    WEIR_ASSIGN(const auto accounting, lake.table(std::string(last_follow_up)));
    WEIR_ASSIGN(const auto accounts, accounting.newest());
    for (const auto& name : names) {
        if (name.starts_with("weir/")) continue;
        WEIR_ASSIGN(const auto table, lake.table(name));
        WEIR_ASSIGN(const auto snapshot, table.snapshot());
        for (const auto& [app, txn] : snapshot.transactions()) {
            if (!app.starts_with(intake_prefix) && !app.starts_with(replay_prefix)) continue;
            const auto followed = accounts ? accounts->transaction_version(app) : std::nullopt;
            if (followed.value_or(-1) >= txn.version) continue;
            WEIR_ASSIGN(const auto follow, what_follows(table, app, txn.version));
            open.tables.insert(name);
            for (const auto& item : follow.items()) {
                WEIR_ASSIGN(const auto adds, parse_adds(item.value(), item.key()));
                for (const auto& add : adds) open.files[item.key()].insert(lake::uri_decode(add.path));
            }
        }
    }
    return open;
}

}  // namespace weir::orchestrate

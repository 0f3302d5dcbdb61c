#include "orchestrate/intake/landing.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lake/log/paths.h"
#include "lake/maintain/history.h"
#include "model/system_tables.h"
#include "orchestrate/landing_table.h"

namespace weir::orchestrate {
namespace {

using nlohmann::json;

constexpr std::string_view last_follow_up = "weir/accounting";

// More rows than these are staged: a log entry is read by everybody who opens the table.
constexpr std::size_t carried_rows_max = 100;

std::string joined(std::string hint, const std::string& more) {
    return more.empty() ? std::move(hint) : std::move(hint) + "; " + more;
}

// "weir/accounting"; null: nothing follows there.
const SystemTable* following_table(std::string_view name) {
    constexpr std::string_view folder = "weir/";
    for (const auto& table : system_tables())
        if (table.stored && name.starts_with(folder) && name.substr(folder.size()) == table.name) return &table;
    return nullptr;
}

Result<lake::Table> system_table_of(const Workplace& at, const std::string& name) {
    const auto& known = *following_table(name);
    WEIR_ASSIGN(auto table, open_or_create(at, name, known.schema, {}, std::string(known.summary)));
    WEIR_TRY(add_columns(table, known.schema, name));
    return table;
}

// A query of all rows, typed as the system table is. A weir that knew fewer columns wrote rows without the others.
std::string rows_query(const std::string& name, json rows) {
    json types = json::object();
    std::vector<std::string> columns;
    for (const auto& field : following_table(name)->schema.fields) {
        types[field.name] = to_duckdb(field.type);
        columns.push_back("r." + sql::quote_name(field.name));
        for (auto& row : rows) row.emplace(field.name, nullptr);
    }
    return fmt::format("SELECT {} FROM (SELECT unnest(from_json_strict({}, {})) AS r)", fmt::join(columns, ", "),
                       sql::quote_text(rows.dump()), sql::quote_text(json::array({types}).dump()));
}

Status append_to(lake::Transaction& transaction, const std::string& name, sql::Connection& connection,
                 const std::string& query) {
    const bool as_we_know_it = transaction.schema() == following_table(name)->schema;
    WEIR_ASSIGN(const auto appended, transaction.append(connection, query, {.every_column = as_we_know_it}));
    static_cast<void>(appended);
    return ok();
}

// What a landing has for the other tables.
struct Landed {
    std::int64_t epoch = 0;
    lake::TableVersion version;
    json follow;  // by table: the add actions of staged files
    json rows;    // by table: rows
};

// Whether this is, by table that follows, a list of objects.
bool says_what_follows(const json& lists) {
    return lists.is_object() && std::all_of(lists.items().begin(), lists.items().end(), [](const auto& item) {
               const auto is_object = [](const json& each) { return each.is_object(); };
               return following_table(item.key()) != nullptr && item.value().is_array() &&
                      std::all_of(item.value().begin(), item.value().end(), is_object);
           });
}

Result<std::vector<lake::AddFile>> adds_of(const Landed& landed, const std::string& table) {
    std::vector<lake::AddFile> result;
    const auto adds = landed.follow.find(table);
    if (adds == landed.follow.end()) return result;
    for (const auto& text : *adds) {
        WEIR_ASSIGN(const auto action, lake::parse_action(text.dump()));
        const auto* add = action ? std::get_if<lake::AddFile>(&*action) : nullptr;
        if (add == nullptr)
            return Error{.code = ErrorCode::table_damaged,
                         .message = fmt::format("{}: a landing names no data file for it", table)};
        result.push_back(*add);
    }
    return result;
}

// The landings of `app` after epoch `followed` up to `epoch`, in their order.
Result<std::vector<Landed>> landings_between(const lake::Table& table, const std::string& app, std::int64_t followed,
                                             std::int64_t epoch) {
    WEIR_ASSIGN(const auto commits, lake::transactions_after(table, app, followed));
    std::vector<Landed> landings;
    for (const auto& commit : commits) {
        if (commit.txn_version != followed + static_cast<std::int64_t>(landings.size()) + 1) break;
        const auto weir = json::parse(commit.weir, nullptr, false);
        auto adds = weir.is_object() ? weir.value("follow", json()) : json();
        auto rows = weir.is_object() ? weir.value("rows", json::object()) : json();
        if (!says_what_follows(adds) || !says_what_follows(rows))
            return Error{.code = ErrorCode::table_damaged,
                         .message = fmt::format("{}: the landing of epoch {} does not say what follows", table.name(),
                                                commit.txn_version)};
        landings.push_back({.epoch = commit.txn_version,
                            .version = commit.version,
                            .follow = std::move(adds),
                            .rows = std::move(rows)});
    }
    if (landings.empty() || landings.back().epoch < epoch)
        return Error{
            .code = ErrorCode::table_damaged,
            .message = fmt::format("{}: of '{}', weir.accounting has the landings up to epoch {}, and those of "
                                   "epochs {} to {} are not all in the table's log any more",
                                   table.name(), app, followed, followed + 1, epoch),
            .hint = "put weir/accounting back from a copy, or the table's log"};
    return landings;
}

// Gives a table what the landings after its last one have for it.
Status follow(const Workplace& at, const std::string& name, const std::vector<Landed>& landings,
              const std::string& app) {
    WEIR_ASSIGN(auto table, system_table_of(at, name));
    table.set_clock(at.clock);
    WEIR_ASSIGN(auto connection, at.database.connect());
    // Other threads and processes commit to a system table too: look again and go behind them.
    constexpr int attempts = 20;
    for (int attempt = 0;; ++attempt) {
        WEIR_ASSIGN(auto snapshot, table.snapshot());
        const auto followed = snapshot.transaction_version(app).value_or(-1);
        if (followed >= landings.back().epoch) return ok();
        WEIR_ASSIGN(auto transaction, lake::Transaction::begin(table, std::move(snapshot)));
        json rows = json::array();
        for (const auto& landed : landings) {
            if (landed.epoch <= followed) continue;
            WEIR_ASSIGN(const auto adds, adds_of(landed, name));
            for (const auto& add : adds) WEIR_TRY(transaction.adopt_add(add));
            if (const auto more = landed.rows.find(name); more != landed.rows.end())
                rows.insert(rows.end(), more->begin(), more->end());
        }
        if (!rows.empty()) WEIR_TRY(append_to(transaction, name, connection, rows_query(name, std::move(rows))));
        WEIR_TRY(transaction.set_txn(app, landings.back().epoch));
        transaction.set_operation("WRITE");
        transaction.set_checkpointing(!at.checkpoints_beside);
        auto outcome = lake::commit_or_fail(std::move(transaction));
        if (outcome) return ok();
        if (outcome.error().code != ErrorCode::table_conflict || attempt == attempts) return std::move(outcome).error();
    }
}

constexpr std::string_view intake_prefix = "weir/source/";
constexpr std::string_view replay_prefix = "weir/replay/";

}  // namespace

std::string intake_app(const std::string& source) { return std::string(intake_prefix) + source; }
std::string replay_app(const std::string& source) { return std::string(replay_prefix) + source; }

Status FollowUps::stage(const std::string& system_table, const std::string& select_sql) {
    const auto name = "weir/" + system_table;
    WEIR_ASSIGN(const auto table, system_table_of(at_, name));
    WEIR_ASSIGN(auto snapshot, table.snapshot());
    WEIR_ASSIGN(auto transaction, lake::Transaction::begin(table, std::move(snapshot)));
    WEIR_TRY(append_to(transaction, name, connection_, select_sql));
    staged_.emplace(name, std::move(transaction));
    return ok();
}

Status FollowUps::add(const std::string& system_table, const std::vector<std::string>& rows) {
    const auto name = "weir/" + system_table;
    if (rows.size() > carried_rows_max)
        return stage(system_table, rows_query(name, json::parse(fmt::format("[{}]", fmt::join(rows, ",")))));
    carried_rows_.emplace(name, rows);
    return ok();
}

std::string FollowUps::to_json(const std::string& run_id) const {
    json follow = json::object(), rows = json::object();
    for (const auto& [table, transaction] : staged_) {
        auto& adds = follow[table] = json::array();
        for (const auto& add : transaction.added()) adds.push_back(json::parse(lake::print_action(add)));
    }
    for (const auto& [table, texts] : carried_rows_) {
        auto& list = rows[table] = json::array();
        for (const auto& text : texts) list.push_back(json::parse(text));
    }
    return json{
        {"app", app_}, {"epoch", epoch_}, {"run_id", run_id}, {"follow", std::move(follow)}, {"rows", std::move(rows)}}
        .dump();
}

void FollowUps::keep_files() {
    for (auto& [table, transaction] : staged_) transaction.keep_files();
}

Result<std::int64_t> land(const Workplace& at, lake::Transaction landing, FollowUps follow_ups,
                          const std::string& run_id) {
    const auto table = landing.table().name();
    WEIR_TRY(landing.set_txn(follow_ups.app(), follow_ups.epoch()));
    WEIR_TRY(landing.set_weir_info(follow_ups.to_json(run_id)));
    landing.set_operation("WRITE");
    landing.set_checkpointing(!at.checkpoints_beside);
    WEIR_ASSIGN(auto outcome, lake::commit(std::move(landing)));
    if (auto* conflicted = std::get_if<lake::Conflicted>(&outcome))
        return Error{.code = ErrorCode::table_conflict,
                     .message = fmt::format("{}: {}", table, conflicted->conflict.message),
                     .hint = "nothing was committed; run again"};
    follow_ups.keep_files();
    if (auto* undecided = std::get_if<lake::Undecided>(&outcome)) {
        undecided->error.hint =
            joined("whether the commit happened is not known; run again, which finds out", undecided->error.hint);
        return std::move(undecided->error);
    }
    return std::get<lake::Committed>(outcome).version.get();
}

Status complete_follow_ups(const Workplace& at, const std::string& table_name, const std::string& app) {
    // In this order: meanwhile others may land, and complete what they landed.
    WEIR_ASSIGN(const auto accounting, at.lake.table(std::string(last_follow_up)));
    WEIR_ASSIGN(const auto accounts, accounting.newest());
    const auto followed = accounts ? accounts->transaction_version(app).value_or(0) : 0;
    WEIR_ASSIGN(const auto table, at.lake.table(table_name));
    WEIR_ASSIGN(const auto snapshot, table.newest());
    const auto epoch = snapshot ? snapshot->transaction_version(app).value_or(0) : 0;
    if (followed > epoch)
        return Error{
            .code = ErrorCode::table_damaged,
            .message = fmt::format("table '{}' holds {} of the {} intakes that weir.accounting has of '{}'; rows "
                                   "that were taken would be missing",
                                   table_name, epoch, followed, app),
            .hint =
                "put the table's newest commits back from a copy; to land a source in another table, give "
                "the source a new name too (rename its file in sources/)"};
    if (followed == epoch) return ok();
    WEIR_ASSIGN(const auto landings, landings_between(table, app, followed, epoch));
    std::set<std::string> names;
    for (const auto& landed : landings) {
        for (const auto* tables : {&landed.follow, &landed.rows})
            for (const auto& item : tables->items()) names.insert(item.key());
    }
    // In any order but accounting last, which says that the others are done.
    names.erase(std::string(last_follow_up));
    const auto committed = [&](const std::string& name) -> Status {
        auto status = follow(at, name, landings, app);
        if (status) return ok();
        auto error = std::move(status).error();
        error.hint = joined("the rows are in their table; the next run completes the accounts", error.hint);
        return std::move(error).within("committing to " + name);
    };
    for (const auto& name : names) WEIR_TRY(committed(name));
    return committed(std::string(last_follow_up));
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
            const auto followed = accounts ? accounts->transaction_version(app).value_or(0) : 0;
            if (followed >= txn.version) continue;
            WEIR_ASSIGN(const auto landings, landings_between(table, app, followed, txn.version));
            const auto first = landings.front().version;
            const auto known = open.tables.emplace(name, first).first;
            known->second = std::min(known->second, first);
            for (const auto& landed : landings) {
                for (const auto& item : landed.follow.items()) {
                    WEIR_ASSIGN(const auto adds, adds_of(landed, item.key()));
                    for (const auto& add : adds) open.files[item.key()].insert(lake::uri_decode(add.path));
                }
            }
        }
    }
    return open;
}

}  // namespace weir::orchestrate

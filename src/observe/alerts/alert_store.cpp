#include "observe/alerts/alert_store.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/file.h"
#include "observe/system_relation.h"
#include "sql/database.h"
#include "sql/sqlite.h"

namespace weir::observe {
namespace {

// Enough for some weeks of a project in trouble.
constexpr int history_most = 100'000;
// What a relation in text may hold.
constexpr std::size_t history_in_text = 5'000;

constexpr const char* tables = R"(
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS alert(
  name TEXT PRIMARY KEY, severity TEXT NOT NULL, looked_us INTEGER, problem TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS instance(                -- moments are microseconds UTC
  alert TEXT NOT NULL, key TEXT NOT NULL, "values" TEXT NOT NULL, message TEXT NOT NULL, state TEXT NOT NULL,
  since_us INTEGER NOT NULL, fired_us INTEGER, resolved_us INTEGER, gone_us INTEGER, told_us INTEGER,
  PRIMARY KEY(alert, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS change(
  id INTEGER PRIMARY KEY AUTOINCREMENT, changed_us INTEGER NOT NULL, alert TEXT NOT NULL, severity TEXT NOT NULL,
  state TEXT NOT NULL, was TEXT NOT NULL, key TEXT NOT NULL, message TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS silence(
  alert TEXT PRIMARY KEY, until_us INTEGER NOT NULL, set_us INTEGER NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS message(
  id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, alert TEXT NOT NULL, body TEXT NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0, due_us INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS message_of_target ON message(target, id);
CREATE TABLE IF NOT EXISTS tally(
  target TEXT PRIMARY KEY, delivered INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0,
  dropped INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
)";

Error store_error(sqlite3* handle) {
    const char* file = sqlite3_db_filename(handle, "main");
    const auto shown = std::string(file == nullptr ? "" : file);
    const int reason = sql::system_error_of(handle);
    if (reason != 0 || sqlite3_errcode(handle) == SQLITE_IOERR)
        return io_error("keep the states of alerts in", shown, reason != 0 ? reason : EIO);
    return {.code = ErrorCode::io_failed,
            .message = fmt::format("the states of alerts, {}: {}", shown, sqlite3_errmsg(handle)),
            .hint = "where it is damaged, move it away: states and silences begin anew"};
}

class Statement : public sql::SqliteStatement {
public:
    Statement(sqlite3* handle, const char* text) : SqliteStatement(handle, text, store_error) {}
};

std::string moment(const std::optional<Time>& time) {
    return time ? fmt::format("make_timestamptz({})", time->time_since_epoch().count()) : "NULL::TIMESTAMPTZ";
}
std::string text_or_null(const std::string& text) { return text.empty() ? "NULL" : sql::quote_text(text); }

Result<std::string> relation(std::string_view table, const std::filesystem::path& lake,
                             Result<std::string> (*rows_of)(const AlertStore&)) {
    WEIR_ASSIGN(const auto store, AlertStore::look(AlertStore::file_in(lake)));
    std::string values;
    if (store) {
        WEIR_ASSIGN(values, rows_of(*store));
    }
    return system_relation(table, values);
}

}  // namespace

void AlertStore::Close::operator()(sqlite3* handle) const { sqlite3_close(handle); }

std::filesystem::path AlertStore::file_in(const std::filesystem::path& lake) { return lake / ".weir" / "alerts.db"; }

Result<AlertStore> AlertStore::open(const std::filesystem::path& file) {
    WEIR_TRY(make_directories(file.parent_path()));
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(file.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    AlertStore store(handle);
    if (handle == nullptr)
        return Error{.code = ErrorCode::out_of_memory, .message = "there is no memory for the states of alerts"};
    if (code != SQLITE_OK) return store_error(handle);
    sqlite3_busy_timeout(handle, 5000);
    WEIR_TRY(store.run(tables));
    return store;
}

Result<std::optional<AlertStore>> AlertStore::look(const std::filesystem::path& file) {
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) return std::optional<AlertStore>();
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(file.c_str(), &handle, SQLITE_OPEN_READWRITE, nullptr);
    AlertStore store(handle);
    if (handle == nullptr)
        return Error{.code = ErrorCode::out_of_memory, .message = "there is no memory for the states of alerts"};
    if (code != SQLITE_OK) return store_error(handle);
    sqlite3_busy_timeout(handle, 5000);
    return std::optional(std::move(store));
}

Status AlertStore::run(const char* sql) const {
    if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return store_error(handle_.get());
    return ok();
}

Result<std::vector<AlertStatus>> AlertStore::alerts() const {
    Statement select(handle_.get(), "SELECT name, severity, looked_us, problem FROM alert ORDER BY name");
    std::vector<AlertStatus> all;
    for (;;) {
        WEIR_ASSIGN(const bool found, select.step());
        if (!found) return all;
        all.push_back({select.text(0), select.text(1), select.time(2), select.text(3)});
    }
}

Result<std::vector<AlertInstance>> AlertStore::instances(const std::string& alert) const {
    Statement select(handle_.get(),
                     "SELECT key, \"values\", message, state, since_us, fired_us, resolved_us, gone_us, told_us "
                     "FROM instance WHERE alert = ?1 ORDER BY key");
    select.add(alert);
    std::vector<AlertInstance> all;
    for (;;) {
        WEIR_ASSIGN(const bool found, select.step());
        if (!found) return all;
        const auto state = parse_alert_state(select.text(3));
        if (!state) continue;  // of a later version
        all.push_back({.row = {select.text(0), select.text(1), select.text(2)},
                       .state = *state,
                       .since = *select.time(4),
                       .fired_at = select.time(5),
                       .resolved_at = select.time(6),
                       .gone_at = select.time(7),
                       .told_at = select.time(8)});
    }
}

Result<std::vector<AlertCount>> AlertStore::counts() const {
    Statement select(handle_.get(),
                     "SELECT a.name, a.severity, coalesce(i.state, 'inactive'), count(i.key) FROM alert a "
                     "LEFT JOIN instance i ON i.alert = a.name GROUP BY 1, 2, 3 ORDER BY 1, 3");
    std::vector<AlertCount> all;
    for (;;) {
        WEIR_ASSIGN(const bool found, select.step());
        if (!found) return all;
        if (const auto state = parse_alert_state(select.text(2)))
            all.push_back({select.text(0), select.text(1), *state, select.integer(3)});
    }
}

Status AlertStore::record_problem(const AlertStatus& status) {
    Statement put(handle_.get(), "INSERT OR REPLACE INTO alert VALUES(?1, ?2, ?3, ?4)");
    return put.add(status.alert).add(status.severity).add(status.looked_at).add(status.problem).run();
}

Result<int> AlertStore::record(const AlertStatus& status, const AlertStep& made, const std::vector<Outgoing>& outgoing,
                               Time now) {
    auto* handle = handle_.get();
    WEIR_ASSIGN(auto transaction, sql::SqliteTransaction::begin(handle, store_error));
    WEIR_TRY(record_problem(status));
    if (made.moved) {
        WEIR_TRY(Statement(handle, "DELETE FROM instance WHERE alert = ?1").add(status.alert).run());
        for (const auto& one : made.instances)
            WEIR_TRY(Statement(handle, "INSERT INTO instance VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")
                         .add(status.alert)
                         .add(one.row.key)
                         .add(one.row.values)
                         .add(one.row.message)
                         .add(to_string(one.state))
                         .add(one.since)
                         .add(one.fired_at)
                         .add(one.resolved_at)
                         .add(one.gone_at)
                         .add(one.told_at)
                         .run());
    }
    for (const auto& change : made.changes)
        WEIR_TRY(Statement(handle,
                           "INSERT INTO change(changed_us, alert, severity, state, was, key, message) "
                           "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")
                     .add(now)
                     .add(status.alert)
                     .add(status.severity)
                     .add(to_string(change.instance.state))
                     .add(to_string(change.before))
                     .add(change.instance.row.key)
                     .add(change.instance.row.message)
                     .run());
    if (!made.changes.empty())
        WEIR_TRY(Statement(handle, "DELETE FROM change WHERE id <= (SELECT max(id) FROM change) - ?1")
                     .add(std::int64_t{history_most})
                     .run());
    int dropped = 0;
    for (const auto& one : outgoing) {
        WEIR_TRY(Statement(handle, "INSERT INTO message(target, alert, body, due_us) VALUES(?1, ?2, ?3, ?4)")
                     .add(one.target)
                     .add(status.alert)
                     .add(one.body)
                     .add(now)
                     .run());
        WEIR_TRY(Statement(handle,
                           "DELETE FROM message WHERE target = ?1 AND id <= (SELECT id FROM message WHERE target = ?1 "
                           "ORDER BY id DESC LIMIT 1 OFFSET ?2)")
                     .add(one.target)
                     .add(std::int64_t{one.most})
                     .run());
        if (const int count = sqlite3_changes(handle); count > 0) {
            dropped += count;
            WEIR_TRY(add_to_tally(one.target, "dropped", count));
        }
    }
    WEIR_TRY(transaction.commit());
    return dropped;
}

Status AlertStore::forget(const std::string& alert) {
    WEIR_ASSIGN(auto transaction, sql::SqliteTransaction::begin(handle_.get(), store_error));
    for (const auto* sql : {"DELETE FROM instance WHERE alert = ?1", "DELETE FROM alert WHERE name = ?1",
                            "DELETE FROM silence WHERE alert = ?1"})
        WEIR_TRY(Statement(handle_.get(), sql).add(alert).run());
    return transaction.commit();
}

Result<std::vector<AlertSilence>> AlertStore::silences() const {
    Statement select(handle_.get(), "SELECT alert, until_us, reason FROM silence ORDER BY alert");
    std::vector<AlertSilence> all;
    for (;;) {
        WEIR_ASSIGN(const bool found, select.step());
        if (!found) return all;
        all.push_back({select.text(0), *select.time(1), select.text(2)});
    }
}

Status AlertStore::silence(const AlertSilence& silence, Time now) {
    return Statement(handle_.get(), "INSERT OR REPLACE INTO silence VALUES(?1, ?2, ?3, ?4)")
        .add(silence.alert)
        .add(silence.until)
        .add(now)
        .add(silence.reason)
        .run();
}

Result<bool> AlertStore::unsilence(const std::string& alert) {
    WEIR_TRY(Statement(handle_.get(), "DELETE FROM silence WHERE alert = ?1").add(alert).run());
    return sqlite3_changes(handle_.get()) > 0;
}

Result<std::optional<AlertMessage>> AlertStore::next_message(const std::string& target) const {
    Statement select(handle_.get(),
                     "SELECT id, alert, body, tries, due_us FROM message WHERE target = ?1 ORDER BY id LIMIT 1");
    select.add(target);
    WEIR_ASSIGN(const bool found, select.step());
    if (!found) return std::optional<AlertMessage>();
    return std::optional(AlertMessage{.id = select.integer(0),
                                      .target = target,
                                      .alert = select.text(1),
                                      .body = select.text(2),
                                      .tries = static_cast<int>(select.integer(3)),
                                      .due = *select.time(4)});
}

Status AlertStore::add_to_tally(const std::string& target, const char* column, std::int64_t count) {
    WEIR_TRY(Statement(handle_.get(), "INSERT OR IGNORE INTO tally(target) VALUES(?1)").add(target).run());
    const auto sql = fmt::format("UPDATE tally SET {0} = {0} + ?2 WHERE target = ?1", column);
    return Statement(handle_.get(), sql.c_str()).add(target).add(count).run();
}

Status AlertStore::delivered(const AlertMessage& message) {
    WEIR_ASSIGN(auto transaction, sql::SqliteTransaction::begin(handle_.get(), store_error));
    WEIR_TRY(Statement(handle_.get(), "DELETE FROM message WHERE id = ?1").add(message.id).run());
    WEIR_TRY(add_to_tally(message.target, "delivered", 1));
    return transaction.commit();
}

Status AlertStore::postpone(const AlertMessage& message, Time due) {
    return Statement(handle_.get(), "UPDATE message SET tries = tries + 1, due_us = ?2 WHERE id = ?1")
        .add(message.id)
        .add(due)
        .run();
}

Status AlertStore::give_up(const AlertMessage& message) {
    WEIR_ASSIGN(auto transaction, sql::SqliteTransaction::begin(handle_.get(), store_error));
    WEIR_TRY(Statement(handle_.get(), "DELETE FROM message WHERE id = ?1").add(message.id).run());
    WEIR_TRY(add_to_tally(message.target, "failed", 1));
    return transaction.commit();
}

Result<std::vector<AlertTally>> AlertStore::tallies() const {
    Statement select(handle_.get(),
                     "SELECT target, sum(delivered), sum(failed), sum(dropped), sum(waiting) FROM ("
                     "SELECT target, delivered, failed, dropped, 0 AS waiting FROM tally UNION ALL "
                     "SELECT target, 0, 0, 0, count(*) FROM message GROUP BY target) GROUP BY target ORDER BY target");
    std::vector<AlertTally> all;
    for (;;) {
        WEIR_ASSIGN(const bool found, select.step());
        if (!found) return all;
        all.push_back({select.text(0), select.integer(1), select.integer(2), select.integer(3), select.integer(4)});
    }
}

Result<std::string> AlertStore::alert_rows(Time now) const {
    Statement select(handle_.get(),
                     "SELECT a.name, a.severity, coalesce(i.state, 'inactive'), i.key, i.message, i.\"values\", "
                     "i.since_us, i.fired_us, i.resolved_us, i.told_us, "
                     "(SELECT until_us FROM silence s WHERE s.alert = a.name AND until_us > ?1), a.looked_us, "
                     "a.problem FROM alert a LEFT JOIN instance i ON i.alert = a.name ORDER BY a.name, i.key");
    select.add(now);
    std::string rows;
    for (;;) {
        WEIR_ASSIGN(const bool found, select.step());
        if (!found) return rows;
        rows += fmt::format("{}(", rows.empty() ? "" : ", ");
        for (int column = 0; column < 6; ++column) rows += text_or_null(select.text(column)) + ", ";
        for (int column = 6; column < 12; ++column) rows += moment(select.time(column)) + ", ";
        rows += text_or_null(select.text(12)) + ")";
    }
}

Result<std::string> AlertStore::history_rows(std::size_t most) const {
    Statement select(handle_.get(),
                     "SELECT changed_us, alert, severity, state, was, key, message FROM change "
                     "ORDER BY id DESC LIMIT ?1");
    select.add(static_cast<std::int64_t>(most));
    std::string rows;
    for (;;) {
        WEIR_ASSIGN(const bool found, select.step());
        if (!found) return rows;
        rows += fmt::format("{}({}", rows.empty() ? "" : ", ", moment(select.time(0)));
        for (int column = 1; column < 7; ++column) rows += ", " + text_or_null(select.text(column));
        rows += ")";
    }
}

Result<std::string> alerts_relation(const std::filesystem::path& lake) {
    return relation("alerts", lake, [](const AlertStore& store) { return store.alert_rows(SystemClock().now()); });
}

Result<std::string> alert_history_relation(const std::filesystem::path& lake) {
    return relation("alert_history", lake, [](const AlertStore& store) { return store.history_rows(history_in_text); });
}

}  // namespace weir::observe

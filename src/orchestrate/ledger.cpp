#include "orchestrate/ledger.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <random>

#include "base/file.h"

namespace weir::orchestrate {
namespace {

constexpr std::array kinds{std::string_view("source"), std::string_view("view"), std::string_view("export")};
constexpr std::array states{std::string_view("running"), std::string_view("done"), std::string_view("unchanged"),
                            std::string_view("failed")};

constexpr const char* tables = R"(
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS step(
  id INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL,
  kind INTEGER NOT NULL,
  node TEXT NOT NULL,
  interval_from INTEGER,          -- days since 1970
  state INTEGER NOT NULL,
  started_us INTEGER NOT NULL,    -- UTC
  finished_us INTEGER,
  rows INTEGER NOT NULL DEFAULT 0,
  reason TEXT NOT NULL,
  error TEXT NOT NULL DEFAULT '',
  fingerprint TEXT NOT NULL DEFAULT '',
  basis TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS step_of_node ON step(node, interval_from, id);
)";

// Why no file can be made beside `file`, 0 if one can. SQLite tries to read what it cannot create, and then knows only
// of a missing file.
int creating_fails_with(const std::filesystem::path& file) {
    const auto probe = file.string() + ".probe";
    const FileHandle made(::open(probe.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    if (!made.open()) return errno;
    ::unlink(probe.c_str());
    return 0;
}

Error ledger_error(sqlite3* handle, const std::filesystem::path& file) {
    const int code = sqlite3_errcode(handle);
    const bool by_system = code == SQLITE_IOERR || code == SQLITE_CANTOPEN;
    const int asked = code == SQLITE_CANTOPEN ? creating_fails_with(file) : 0;
    const int reason = asked != 0 ? asked : sqlite3_system_errno(handle);
    if (by_system && reason != 0) return io_error("keep the ledger of runs in", file, reason);
    if (code == SQLITE_FULL) return io_error("keep the ledger of runs in", file, ENOSPC);
    return {.code = ErrorCode::io_failed,
            .message = fmt::format("the ledger of runs, {}: {}", file.string(), sqlite3_errmsg(handle))};
}

std::filesystem::path file_of(sqlite3* handle) {
    const char* file = sqlite3_db_filename(handle, "main");
    return file == nullptr ? "" : file;
}

class Statement {
public:
    Statement(sqlite3* handle, const char* sql) : handle_(handle) {
        sqlite3_prepare_v2(handle, sql, -1, &statement_, nullptr);
    }
    Statement(const Statement&) = delete;
    ~Statement() { sqlite3_finalize(statement_); }

    Statement& bind(int at, std::int64_t value) { return sqlite3_bind_int64(statement_, at, value), *this; }
    Statement& bind(int at, std::string_view text) {
        return sqlite3_bind_text(statement_, at, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT), *this;
    }
    // True: a row is there; false: done.
    Result<bool> step() {
        const int code = statement_ == nullptr ? SQLITE_ERROR : sqlite3_step(statement_);
        if (code == SQLITE_ROW) return true;
        if (code == SQLITE_DONE) return false;
        return ledger_error(handle_, file_of(handle_));
    }
    bool null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
    std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
    std::string text(int column) const {
        const auto* bytes = sqlite3_column_text(statement_, column);
        return bytes == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(bytes));
    }

private:
    sqlite3* handle_;
    sqlite3_stmt* statement_ = nullptr;
};

std::int64_t micros(Time time) { return time.time_since_epoch().count(); }
Time from_micros(std::int64_t value) { return Time{std::chrono::microseconds{value}}; }
std::int64_t days_of(Day day) { return day.time_since_epoch().count(); }

}  // namespace

std::string_view to_string(StepKind kind) { return kinds.at(static_cast<std::size_t>(kind)); }
std::string_view to_string(StepState state) { return states.at(static_cast<std::size_t>(state)); }

void Ledger::Close::operator()(sqlite3* handle) const { sqlite3_close(handle); }

Result<Ledger> Ledger::open_once(const std::filesystem::path& file) {
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(file.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    Ledger ledger(handle);
    if (handle == nullptr)
        return Error{.code = ErrorCode::out_of_memory, .message = "there is no memory for the ledger of runs"};
    if (code != SQLITE_OK) return ledger_error(handle, file);
    sqlite3_busy_timeout(handle, 5000);
    if (sqlite3_exec(handle, tables, nullptr, nullptr, nullptr) != SQLITE_OK) return ledger_error(handle, file);
    // Older ledgers lack this column; where it is there, this fails and changes nothing.
    sqlite3_exec(handle, "ALTER TABLE step ADD COLUMN basis TEXT NOT NULL DEFAULT ''", nullptr, nullptr, nullptr);
    return ledger;
}

Result<Ledger> Ledger::open(const std::filesystem::path& file) {
    WEIR_TRY(make_directories(file.parent_path()));
    auto ledger = open_once(file);
    if (ledger) return ledger;
    // Only what is no database (any more) is set aside; a full disk or missing rights are told as they are.
    const auto& text = ledger.error().message;
    if (text.find("not a database") == std::string::npos && text.find("malformed") == std::string::npos) {
        // SQLite names a full disk a missing file, or does not say why. If it is over by now, there is nothing to tell.
        if (const int reason = creating_fails_with(file); reason != 0)
            return io_error("keep the ledger of runs in", file, reason);
        return open_once(file);
    }
    const auto aside = file.string() + ".damaged";
    std::error_code error;
    std::filesystem::rename(file, aside, error);
    if (error) return io_error("rename", file, error.value());
    for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(file.string() + suffix, error);
    auto fresh = open_once(file);
    if (fresh) fresh->set_aside_ = aside;
    return fresh;
}

Result<Ledger> Ledger::look(const std::filesystem::path& file) {
    std::error_code ignored;
    return std::filesystem::exists(file, ignored) ? open(file) : open_once(":memory:");
}

Result<std::string> Ledger::new_run_id(Time now) {
    Statement newest(handle_.get(), "SELECT coalesce(max(started_us), 0) FROM step");
    WEIR_ASSIGN(const bool found, newest.step());
    const auto at = std::max(micros(now), found ? newest.integer(0) + 1 : 0);
    std::random_device random;
    auto stamp = to_iso(from_micros(at)).substr(0, 23);
    std::erase_if(stamp, [](char c) { return c == '-' || c == ':' || c == '.'; });
    return fmt::format("{}-{:08x}", stamp, random());
}

Result<std::int64_t> Ledger::begin(const Step& step) {
    Statement insert(handle_.get(),
                     "INSERT INTO step(run_id, kind, node, interval_from, state, started_us, reason) "
                     "VALUES(?1, ?2, ?3, ?4, 0, ?5, ?6)");
    insert.bind(1, step.run_id).bind(2, static_cast<std::int64_t>(step.kind)).bind(3, step.node);
    if (step.interval_from) insert.bind(4, days_of(*step.interval_from));
    insert.bind(5, micros(step.started_at)).bind(6, step.reason);
    WEIR_ASSIGN(const bool row, insert.step());
    static_cast<void>(row);
    return sqlite3_last_insert_rowid(handle_.get());
}

Status Ledger::finish(const Step& done) {
    Statement update(handle_.get(),
                     "UPDATE step SET state = ?2, rows = ?3, fingerprint = ?4, error = ?5, finished_us = ?6, "
                     "reason = ?7, basis = ?8 WHERE id = ?1");
    update.bind(1, done.id).bind(2, static_cast<std::int64_t>(done.state)).bind(3, done.rows);
    update.bind(4, done.fingerprint).bind(5, done.error).bind(7, done.reason).bind(8, done.basis);
    if (done.finished_at) update.bind(6, micros(*done.finished_at));
    WEIR_ASSIGN(const bool row, update.step());
    static_cast<void>(row);
    return ok();
}

Result<std::string> Ledger::fingerprint(const std::string& view, Day interval_from) const {
    Statement select(
        handle_.get(),
        "SELECT fingerprint FROM step WHERE node = ?1 AND kind = 1 AND interval_from = ?2 AND state IN (1, 2) "
        "ORDER BY id DESC LIMIT 1");
    select.bind(1, view).bind(2, days_of(interval_from));
    WEIR_ASSIGN(const bool found, select.step());
    return found ? select.text(0) : std::string();
}

Result<std::string> Ledger::basis(const std::string& view) const {
    Statement select(handle_.get(),
                     "SELECT basis FROM step WHERE node = ?1 AND kind = 1 AND state = 1 ORDER BY id DESC LIMIT 1");
    select.bind(1, view);
    WEIR_ASSIGN(const bool found, select.step());
    return found ? select.text(0) : std::string();
}

Result<std::string> Ledger::exported(const std::string& file) const {
    Statement select(
        handle_.get(),
        "SELECT fingerprint FROM step WHERE kind = 2 AND reason = ?1 AND state = 1 ORDER BY id DESC LIMIT 1");
    select.bind(1, file);
    WEIR_ASSIGN(const bool found, select.step());
    return found ? select.text(0) : std::string();
}

Result<std::vector<Step>> Ledger::steps(std::size_t most) const {
    Statement select(
        handle_.get(),
        "SELECT id, run_id, kind, node, interval_from, state, started_us, finished_us, rows, reason, error, "
        "fingerprint FROM step ORDER BY id DESC LIMIT ?1");
    select.bind(1, static_cast<std::int64_t>(most));
    std::vector<Step> steps;
    for (;;) {
        WEIR_ASSIGN(const bool found, select.step());
        if (!found) return steps;
        Step step{.id = select.integer(0),
                  .run_id = select.text(1),
                  .kind = static_cast<StepKind>(select.integer(2)),
                  .node = select.text(3),
                  .interval_from = std::nullopt,
                  .state = static_cast<StepState>(select.integer(5)),
                  .started_at = from_micros(select.integer(6)),
                  .finished_at = std::nullopt,
                  .rows = select.integer(8),
                  .reason = select.text(9),
                  .error = select.text(10),
                  .fingerprint = select.text(11)};
        if (!select.null(4)) step.interval_from = Day{std::chrono::days{select.integer(4)}};
        if (!select.null(7)) step.finished_at = from_micros(select.integer(7));
        steps.push_back(std::move(step));
    }
}

}  // namespace weir::orchestrate

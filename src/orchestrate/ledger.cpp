#include "orchestrate/ledger.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <random>

#include "base/file.h"
#include "sql/sqlite.h"

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
    const int asked = code == SQLITE_CANTOPEN ? creating_fails_with(file) : 0;
    const int reason = asked != 0 ? asked : sql::system_error_of(handle);
    if (reason != 0) return io_error("keep the ledger of runs in", file, reason);
    return {.code = ErrorCode::io_failed,
            .message = fmt::format("the ledger of runs, {}: {}", file.string(), sqlite3_errmsg(handle))};
}

std::filesystem::path file_of(sqlite3* handle) {
    const char* file = sqlite3_db_filename(handle, "main");
    return file == nullptr ? "" : file;
}

Error ledger_error(sqlite3* handle) { return ledger_error(handle, file_of(handle)); }

class Statement : public sql::SqliteStatement {
public:
    Statement(sqlite3* handle, const char* text) : SqliteStatement(handle, text, ledger_error) {}
};

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
    const std::int64_t at = std::max<std::int64_t>(now.time_since_epoch().count(), found ? newest.integer(0) + 1 : 0);
    std::random_device random;
    auto stamp = to_iso(Time{std::chrono::microseconds{at}}).substr(0, 23);
    std::erase_if(stamp, [](char c) { return c == '-' || c == ':' || c == '.'; });
    return fmt::format("{}-{:08x}", stamp, random());
}

Result<std::int64_t> Ledger::begin(const Step& step) {
    Statement insert(handle_.get(),
                     "INSERT INTO step(run_id, kind, node, interval_from, state, started_us, reason) "
                     "VALUES(?1, ?2, ?3, ?4, 0, ?5, ?6)");
    insert.add(step.run_id).add(static_cast<std::int64_t>(step.kind)).add(step.node);
    insert.add(step.interval_from ? std::optional(days_of(*step.interval_from)) : std::nullopt);
    WEIR_TRY(insert.add(step.started_at).add(step.reason).run());
    return sqlite3_last_insert_rowid(handle_.get());
}

Status Ledger::finish(const Step& done) {
    Statement update(handle_.get(),
                     "UPDATE step SET state = ?2, rows = ?3, fingerprint = ?4, error = ?5, finished_us = ?6, "
                     "reason = ?7, basis = ?8 WHERE id = ?1");
    update.add(done.id).add(static_cast<std::int64_t>(done.state)).add(done.rows).add(done.fingerprint);
    return update.add(done.error).add(done.finished_at).add(done.reason).add(done.basis).run();
}

Result<std::string> Ledger::fingerprint(const std::string& view, Day interval_from) const {
    Statement select(
        handle_.get(),
        "SELECT fingerprint FROM step WHERE node = ?1 AND kind = 1 AND interval_from = ?2 AND state IN (1, 2) "
        "ORDER BY id DESC LIMIT 1");
    select.add(view).add(days_of(interval_from));
    WEIR_ASSIGN(const bool found, select.step());
    return found ? select.text(0) : std::string();
}

Result<std::string> Ledger::basis(const std::string& view) const {
    Statement select(handle_.get(),
                     "SELECT basis FROM step WHERE node = ?1 AND kind = 1 AND state = 1 ORDER BY id DESC LIMIT 1");
    select.add(view);
    WEIR_ASSIGN(const bool found, select.step());
    return found ? select.text(0) : std::string();
}

Result<std::string> Ledger::exported(const std::string& file) const {
    Statement select(
        handle_.get(),
        "SELECT fingerprint FROM step WHERE kind = 2 AND reason = ?1 AND state = 1 ORDER BY id DESC LIMIT 1");
    select.add(file);
    WEIR_ASSIGN(const bool found, select.step());
    return found ? select.text(0) : std::string();
}

Result<std::vector<Step>> Ledger::steps(std::size_t most) const {
    Statement select(
        handle_.get(),
        "SELECT id, run_id, kind, node, interval_from, state, started_us, finished_us, rows, reason, error, "
        "fingerprint FROM step ORDER BY id DESC LIMIT ?1");
    select.add(static_cast<std::int64_t>(most));
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
                  .started_at = *select.time(6),
                  .finished_at = select.time(7),
                  .rows = select.integer(8),
                  .reason = select.text(9),
                  .error = select.text(10),
                  .fingerprint = select.text(11)};
        if (!select.is_null(4)) step.interval_from = Day{std::chrono::days{select.integer(4)}};
        steps.push_back(std::move(step));
    }
}

}  // namespace weir::orchestrate

#include "sql/sqlite.h"

#include <sqlite3.h>

#include <cerrno>
#include <utility>

namespace weir::sql {

int system_error_of(sqlite3* handle) {
    const int code = sqlite3_errcode(handle);
    if (code == SQLITE_FULL) return ENOSPC;
    if (code != SQLITE_IOERR && code != SQLITE_CANTOPEN) return 0;
    if (const int known = sqlite3_system_errno(handle); known != 0) return known;
    // A statement that commits by itself does not pass it on; the file that failed has it.
    for (const int which : {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER}) {
        sqlite3_file* file = nullptr;
        int known = 0;
        if (sqlite3_file_control(handle, "main", which, &file) == SQLITE_OK && file != nullptr &&
            file->pMethods != nullptr &&
            file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &known) == SQLITE_OK && known != 0)
            return known;
    }
    return 0;
}

SqliteStatement::SqliteStatement(sqlite3* handle, const char* sql, SqliteError error) : handle_(handle), error_(error) {
    sqlite3_prepare_v2(handle, sql, -1, &statement_, nullptr);
}

SqliteStatement::~SqliteStatement() { sqlite3_finalize(statement_); }

SqliteStatement& SqliteStatement::add(std::int64_t value) {
    sqlite3_bind_int64(statement_, ++bound_, value);
    return *this;
}

SqliteStatement& SqliteStatement::add(std::string_view text) {
    sqlite3_bind_text(statement_, ++bound_, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
    return *this;
}

SqliteStatement& SqliteStatement::add(const std::optional<std::int64_t>& value) {
    if (value) return add(*value);
    ++bound_;
    return *this;
}

SqliteStatement& SqliteStatement::add(Time time) { return add(std::int64_t{time.time_since_epoch().count()}); }

SqliteStatement& SqliteStatement::add(const std::optional<Time>& time) {
    if (time) return add(*time);
    ++bound_;
    return *this;
}

Result<bool> SqliteStatement::step() {
    const int code = statement_ == nullptr ? SQLITE_ERROR : sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return error_(handle_);
}

Status SqliteStatement::run() {
    WEIR_ASSIGN(const bool row, step());
    static_cast<void>(row);
    return ok();
}

bool SqliteStatement::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

std::int64_t SqliteStatement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string SqliteStatement::text(int column) const {
    const auto* bytes = sqlite3_column_text(statement_, column);
    return bytes == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(bytes));
}

std::optional<Time> SqliteStatement::time(int column) const {
    if (is_null(column)) return std::nullopt;
    return Time{std::chrono::microseconds{integer(column)}};
}

Result<SqliteTransaction> SqliteTransaction::begin(sqlite3* handle, SqliteError error) {
    if (sqlite3_exec(handle, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) != SQLITE_OK) return error(handle);
    return SqliteTransaction(handle, error);
}

SqliteTransaction::SqliteTransaction(SqliteTransaction&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), error_(other.error_) {}

SqliteTransaction::~SqliteTransaction() {
    if (handle_ != nullptr) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

Status SqliteTransaction::commit() {
    if (sqlite3_exec(handle_, "COMMIT", nullptr, nullptr, nullptr) != SQLITE_OK) return error_(handle_);
    handle_ = nullptr;
    return ok();
}

}  // namespace weir::sql

// SQLite's statements and transactions, for the small files that weir keeps its own state in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace weir::sql {

// Says what the last call on a handle failed with.
using SqliteError = Error (*)(sqlite3* handle);

// The errno behind the last error of a handle, ENOSPC for a full disk; 0: it is no error of the system, or which is not
// known.
int system_error_of(sqlite3* handle);

class SqliteStatement {
public:
    SqliteStatement(sqlite3* handle, const char* sql, SqliteError error);
    SqliteStatement(const SqliteStatement&) = delete;
    ~SqliteStatement();

    // The next parameter: ?1, ?2, … Moments are microseconds UTC; nothing is NULL.
    SqliteStatement& add(std::int64_t value);
    SqliteStatement& add(std::string_view text);
    SqliteStatement& add(const std::optional<std::int64_t>& value);
    SqliteStatement& add(Time time);
    SqliteStatement& add(const std::optional<Time>& time);

    // True: a row is there; false: done.
    Result<bool> step();
    // For a statement without rows.
    Status run();

    bool is_null(int column) const;
    std::int64_t integer(int column) const;
    std::string text(int column) const;  // empty for NULL
    std::optional<Time> time(int column) const;

private:
    sqlite3* handle_;
    SqliteError error_;
    sqlite3_stmt* statement_ = nullptr;
    int bound_ = 0;
};

// Everything or nothing: what is not committed is rolled back.
class SqliteTransaction {
public:
    static Result<SqliteTransaction> begin(sqlite3* handle, SqliteError error);
    SqliteTransaction(SqliteTransaction&& other) noexcept;
    SqliteTransaction& operator=(SqliteTransaction&&) = delete;
    ~SqliteTransaction();
    Status commit();

private:
    SqliteTransaction(sqlite3* handle, SqliteError error) : handle_(handle), error_(error) {}
    sqlite3* handle_;
    SqliteError error_;
};

}  // namespace weir::sql

// DuckDB behind values: a database, its connections, and the rows of a result. Only the stable C API is used.
#pragma once

#include <duckdb.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/schema.h"
#include "sql/spill_folder.h"

namespace weir::sql {

std::string quote_name(std::string_view name);                  // a"b  -> "a""b"
std::string quote_text(std::string_view text);                  // it's -> 'it''s'
std::string quote_list(const std::vector<std::string>& texts);  // ['a', 'b']

// The rows of a finished query, held in memory as DuckDB's own chunks.
class Rows {
public:
    Rows() = default;
    Rows(Rows&&) noexcept;
    Rows& operator=(Rows&&) noexcept;
    ~Rows();

    std::size_t row_count() const { return row_count_; }
    std::size_t column_count() const { return names_.size(); }
    const std::vector<std::string>& names() const { return names_; }
    duckdb_type type_id(std::size_t column) const { return types_[column]; }

    bool is_null(std::size_t row, std::size_t column) const;
    // BOOLEAN and every integer type up to 64 bits; 0 for NULL.
    std::int64_t integer(std::size_t row, std::size_t column) const;
    double real(std::size_t row, std::size_t column) const;
    // VARCHAR and BLOB bytes; cast other types in the query. Empty for NULL.
    std::string_view text(std::size_t row, std::size_t column) const;
    std::optional<std::string> text_or_null(std::size_t row, std::size_t column) const;

    // For consumers that work on whole vectors.
    const std::vector<duckdb_data_chunk>& chunks() const { return chunks_; }

private:
    friend class Connection;
    std::vector<std::string> names_;
    std::vector<duckdb_type> types_;
    std::vector<duckdb_data_chunk> chunks_;
    std::vector<std::size_t> chunk_starts_;
    std::size_t row_count_ = 0;
    struct Cell {
        duckdb_data_chunk chunk;
        std::size_t row;
    };
    Cell locate(std::size_t row) const;
};

// One column of a statement, as DuckDB binds it, without running it.
struct Column {
    std::string name;
    std::string type;  // DuckDB's spelling
};

// What a result looks like, known before its first row. The types belong to the result.
struct ResultHeader {
    std::vector<std::string> names;
    std::vector<duckdb_logical_type> types;
};

// One statement, bound and planned once, run as often as wanted. It must not outlive its connection.
class Statement {
public:
    Statement(Statement&&) noexcept;
    Statement& operator=(Statement&&) noexcept;
    ~Statement();
    // Chunk by chunk, never the whole result in memory, with the columns first, even where no row follows; `take` may
    // stop it by returning an error.
    Status stream(const std::function<Status(const ResultHeader&)>& begin,
                  const std::function<Status(duckdb_data_chunk)>& take);
    // Runs it and throws its rows away; gives how many rows it changed.
    Result<std::int64_t> run();
    duckdb_prepared_statement raw() const { return statement_; }

private:
    friend class Connection;
    Statement() = default;
    std::string sql_;
    duckdb_prepared_statement statement_ = nullptr;
};

class Connection {
public:
    Connection(Connection&&) noexcept;
    Connection& operator=(Connection&&) noexcept;
    ~Connection();

    // Runs one or several statements and throws their rows away.
    Status run(const std::string& sql);
    // Runs one statement. The error keeps DuckDB's message; a position inside the SQL text becomes where.line/column.
    Result<Rows> query(const std::string& sql);
    // Binds one statement and tells its kind; nothing runs.
    Result<duckdb_statement_type> bind(const std::string& sql);
    Result<Statement> prepare(const std::string& sql);
    // Names and types of one statement's columns, from DuckDB's binder; nothing runs.
    Result<std::vector<Column>> describe(const std::string& sql);
    // The same as a Schema; fails with the column's name where a type has no counterpart in a lake (HUGEINT, INTERVAL,
    // …).
    Result<Schema> schema_of(const std::string& sql);
    // Chunk by chunk, never the whole result in memory; `take` may stop it by returning an error.
    Status stream(const std::string& sql, const std::function<Status(duckdb_data_chunk)>& take);
    // The same, with the columns first, even where no row follows.
    Status stream(const std::string& sql, const std::function<Status(const ResultHeader&)>& begin,
                  const std::function<Status(duckdb_data_chunk)>& take);

    void interrupt();
    // Share done of the running statement, 0 to 100, or -1 when not known.
    double progress() const;
    duckdb_connection raw() const { return connection_; }

private:
    friend class Database;
    explicit Connection(duckdb_connection connection) : connection_(connection) {}
    duckdb_connection connection_ = nullptr;
};

struct DatabaseOptions {
    std::string path{};                  // empty: in memory
    std::string memory_limit{};          // "2GB"; empty: DuckDB's default
    int threads = 0;                     // 0: one per core
    std::optional<SpillFolder> spill{};  // where it spills; nothing: it does not
};

// An in-process DuckDB. Every connection has TimeZone = UTC; nothing is downloaded or auto-installed.
class Database {
public:
    static Result<Database> open(DatabaseOptions options);
    Database(Database&&) noexcept;
    Database& operator=(Database&&) noexcept;
    ~Database();
    Result<Connection> connect();
    duckdb_database raw() const { return database_; }
    // A folder that lives as long as the database; nullptr where it does not spill.
    const fs::path* spill_folder() const { return spill_ ? &spill_->path() : nullptr; }

private:
    Database(duckdb_database database, std::optional<SpillFolder> spill)
        : spill_(std::move(spill)), database_(database) {}
    std::optional<SpillFolder> spill_;  // outlives the database
    duckdb_database database_ = nullptr;
};

// A lake type for a DuckDB logical type (borrowed), or nothing where there is none.
std::optional<Type> to_lake_type(duckdb_logical_type type);

// Turns DuckDB's error text into an Error: code by its kind, the caret line into line and column.
Error duckdb_error(std::string_view text, std::string_view sql);

}  // namespace weir::sql

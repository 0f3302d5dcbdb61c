// The embedded store: SQLite, in WAL mode, so that readers never wait for a load and keep what they see.
//
//   view(name, version, shape, rows_table, is_unique, …provenance)     one row per view with a key
//   rows_N(k0, k1, …, o0, …, json, PRIMARY KEY(k0, k1, …))             the rows of one version of one view
#include <fmt/format.h>
#include <sqlite3.h>

#include <atomic>
#include <cerrno>
#include <map>
#include <set>

#include "base/file.h"
#include "base/sha256.h"
#include "serve/read/literal.h"
#include "serve/store/serving_store.h"
#include "sink/rows.h"
#include "sql/sqlite.h"

namespace weir::serve {
namespace {

constexpr int shape_format = 1;   // another one makes every view load again
constexpr int tables_format = 2;  // a file with another one is made anew
constexpr int busy_ms = 30'000;

constexpr const char* settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL";
constexpr const char* tables = R"(
CREATE TABLE IF NOT EXISTS view(
  name TEXT PRIMARY KEY,
  version TEXT NOT NULL,
  shape TEXT NOT NULL,
  rows_table INTEGER NOT NULL,
  is_unique INTEGER NOT NULL,
  publication INTEGER NOT NULL,
  published_us INTEGER,
  interval_ TEXT NOT NULL,
  cut TEXT NOT NULL,
  rows INTEGER NOT NULL,
  code TEXT NOT NULL,
  watermark_us INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS generation(id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL, next_table INTEGER NOT NULL);
INSERT OR IGNORE INTO generation VALUES (1, 0, 1);
)";

struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
};
using Handle = std::unique_ptr<sqlite3, Close>;

Error store_error(sqlite3* handle) {
    const int code = sqlite3_errcode(handle);
    const bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
    const int reason = sql::system_error_of(handle);
    const bool full = reason == ENOSPC || reason == EDQUOT;
    return {.code = full      ? ErrorCode::disk_full
                    : damaged ? ErrorCode::table_damaged
                              : ErrorCode::io_failed,
            .message = fmt::format("the serving store: {}", sqlite3_errmsg(handle)),
            .hint = full ? std::string(disk_full_hint)
                         : ".weir/serve.db in the lake can be removed at any time: it is made again"};
}

Status execute(sqlite3* handle, const std::string& sql) {
    if (sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return store_error(handle);
    return ok();
}

Result<Handle> open_handle(const fs::path& file) {
    sqlite3* raw = nullptr;
    const int code =
        sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    Handle handle(raw);
    if (code != SQLITE_OK) return store_error(raw);
    sqlite3_busy_timeout(raw, busy_ms);
    return handle;
}

class Statement {
public:
    Statement() = default;
    static Result<Statement> prepare(sqlite3* handle, const std::string& sql) {
        Statement statement;
        sqlite3_stmt* raw = nullptr;
        if (sqlite3_prepare_v3(handle, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK)
            return store_error(handle);
        statement.raw_.reset(raw);
        return statement;
    }
    // Valid until the next step or reset; the bytes must live that long.
    void bind(int at, std::string_view text) {
        sqlite3_bind_text(raw_.get(), at, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
    }
    void bind(int at, std::int64_t value) { sqlite3_bind_int64(raw_.get(), at, value); }
    void bind(int at, const std::optional<Time>& time) {
        if (!time) return bind_null(at);
        bind(at, std::int64_t{time->time_since_epoch().count()});
    }
    void bind_null(int at) { sqlite3_bind_null(raw_.get(), at); }
    int step() { return sqlite3_step(raw_.get()); }
    void reset() { sqlite3_reset(raw_.get()); }
    bool is_null(int column) { return sqlite3_column_type(raw_.get(), column) == SQLITE_NULL; }
    std::int64_t integer(int column) { return sqlite3_column_int64(raw_.get(), column); }
    std::string_view text(int column) {
        const auto* bytes = sqlite3_column_text(raw_.get(), column);
        if (bytes == nullptr) return {};
        return {reinterpret_cast<const char*>(bytes),
                static_cast<std::size_t>(sqlite3_column_bytes(raw_.get(), column))};
    }
    std::optional<Time> time(int column) {
        if (is_null(column)) return std::nullopt;
        return Time(std::chrono::microseconds(integer(column)));
    }
    explicit operator bool() const { return raw_ != nullptr; }

private:
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };
    std::unique_ptr<sqlite3_stmt, Finalize> raw_;
};

struct StoredView {
    std::string version, shape;
    std::int64_t rows_table = 0;
    bool is_unique = true;
    Provenance from;
};

Result<std::map<std::string, StoredView, std::less<>>> stored_views(sqlite3* handle) {
    WEIR_ASSIGN(auto statement, Statement::prepare(handle,
                                                   "SELECT name, version, shape, rows_table, is_unique, publication, "
                                                   "published_us, interval_, cut, rows, code, watermark_us FROM view"));
    std::map<std::string, StoredView, std::less<>> views;
    int code = 0;
    while ((code = statement.step()) == SQLITE_ROW) {
        StoredView view{.version = std::string(statement.text(1)),
                        .shape = std::string(statement.text(2)),
                        .rows_table = statement.integer(3),
                        .is_unique = statement.integer(4) != 0};
        view.from.publication = statement.integer(5);
        view.from.published_at = statement.time(6);
        view.from.interval = statement.text(7);
        view.from.cut = statement.text(8);
        view.from.rows = statement.integer(9);
        view.from.code = statement.text(10);
        view.from.watermark = statement.time(11);
        views.emplace(statement.text(0), std::move(view));
    }
    if (code != SQLITE_DONE) return store_error(handle);
    return views;
}

std::string shape_of(const ViewLoad& view) {
    std::string text = std::to_string(shape_format);
    for (const auto& field : view.key) text += "\nk " + field.name + " " + weir::to_string(field.type);
    for (const auto& field : view.owners) text += "\no " + field.name + " " + weir::to_string(field.type);
    return sha256_hex(text).substr(0, 16);
}

std::optional<std::string_view> text_at(duckdb_vector vector, idx_t row) {
    auto* validity = duckdb_vector_get_validity(vector);
    if (validity != nullptr && !duckdb_validity_row_is_valid(validity, row)) return std::nullopt;
    auto& text = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector))[row];
    return std::string_view(duckdb_string_t_data(&text), duckdb_string_t_length(text));
}

// The rows of one view into a new table. False: two rows have one key.
Result<bool> load_rows(sqlite3* handle, std::int64_t number, const ViewLoad& view, sql::Connection& connection,
                       const std::atomic<bool>* stop) {
    std::string columns, marks, key, select;
    const auto add = [&](const std::string& name, const Field& field) {
        columns += fmt::format("{} TEXT, ", name);
        marks += "?, ";
        select += ", " + key_expression(field.type, field.name);
    };
    for (std::size_t i = 0; i < view.key.size(); ++i) {
        add(fmt::format("k{}", i), view.key[i]);
        key += fmt::format("{}k{}", i == 0 ? "" : ", ", i);
    }
    for (std::size_t i = 0; i < view.owners.size(); ++i) add(fmt::format("o{}", i), view.owners[i]);
    WEIR_TRY(execute(handle, fmt::format("CREATE TABLE rows_{}({}json TEXT NOT NULL, PRIMARY KEY({})) WITHOUT ROWID",
                                         number, columns, key)));
    WEIR_ASSIGN(auto insert,
                Statement::prepare(handle, fmt::format("INSERT INTO rows_{} VALUES ({}?)", number, marks)));
    const auto hidden = view.key.size() + view.owners.size();
    std::string lines;
    sink::RowsWriter writer(sink::Format::ndjson, lines);
    bool is_unique = true;
    // In the order of the key, the tree is filled from left to right.
    std::string order;
    for (std::size_t i = 0; i < view.key.size(); ++i)
        order += fmt::format("{}{}", i == 0 ? "" : ", ", key_expression(view.key[i].type, view.key[i].name));
    auto status = connection.stream(
        fmt::format("SELECT *{} FROM {} ORDER BY {}", select, view.pinned->relation, order),
        [&](const sql::ResultHeader& header) {
            auto shown = header;
            shown.names.resize(header.names.size() - hidden);
            shown.types.resize(header.types.size() - hidden);
            return writer.begin(shown);
        },
        [&](duckdb_data_chunk chunk) -> Status {
            if (stop != nullptr && *stop) return Error{.code = ErrorCode::interrupted, .message = "stopped"};
            lines.clear();
            WEIR_TRY(writer.take(chunk));
            const auto rows = duckdb_data_chunk_get_size(chunk);
            const auto first = duckdb_data_chunk_get_column_count(chunk) - hidden;
            std::string_view rest = lines;
            for (idx_t row = 0; row < rows; ++row) {
                const auto end = rest.find('\n');
                const auto json = rest.substr(0, end);
                rest.remove_prefix(end + 1);
                bool has_key = true;
                for (idx_t column = 0; column < hidden; ++column) {
                    const auto text = text_at(duckdb_data_chunk_get_vector(chunk, first + column), row);
                    if (text) {
                        insert.bind(static_cast<int>(column + 1), *text);
                    } else {
                        insert.bind_null(static_cast<int>(column + 1));
                        has_key = has_key && column >= view.key.size();
                    }
                }
                if (!has_key) continue;  // nobody can ask for it
                insert.bind(static_cast<int>(hidden + 1), json);
                const int code = insert.step();
                insert.reset();
                if (code == SQLITE_CONSTRAINT) {
                    is_unique = false;
                    return Error{.code = ErrorCode::refused, .message = "the key is not unique"};
                }
                if (code != SQLITE_DONE) return store_error(handle);
            }
            if (!rest.empty())
                return Error{.code = ErrorCode::internal, .message = "a row of JSON is more than one line"};
            return ok();
        });
    if (!status && is_unique) return std::move(status).error();
    return is_unique;
}

class SqliteReader final : public StoreReader {
public:
    SqliteReader(Handle handle, const std::atomic<std::int64_t>& generation)
        : handle_(std::move(handle)), generation_(generation) {}
    ~SqliteReader() override { leave(); }

    Status move_on() override {
        const auto newest = generation_.load(std::memory_order_acquire);
        if (newest == seen_) return ok();
        leave();
        // The transaction holds this generation until we move on.
        WEIR_TRY(execute(handle_.get(), "BEGIN"));
        auto views = stored_views(handle_.get());
        if (!views) {
            static_cast<void>(execute(handle_.get(), "ROLLBACK"));
            return std::move(views).error();
        }
        views_ = std::move(*views);
        seen_ = newest;
        return ok();
    }
    std::int64_t generation() const override { return seen_; }

    Result<Found> find(std::string_view view, const std::vector<std::string>& key) override {
        const auto stored = views_.find(view);
        // Before its first load of this process, what a view lacks may be on its way.
        if (stored == views_.end()) return Found{.state = seen_ == 0 ? KeyState::behind : KeyState::unknown};
        Found found{.state = stored->second.is_unique ? KeyState::ready : KeyState::not_unique,
                    .from = &stored->second.from};
        if (found.state != KeyState::ready) return found;
        auto& one = statements_[stored->second.rows_table];
        if (!one.statement) WEIR_TRY(prepare(stored->second.rows_table, key.size(), one));
        one.statement.reset();
        for (std::size_t i = 0; i < key.size(); ++i) one.statement.bind(static_cast<int>(i + 1), key[i]);
        const int code = one.statement.step();
        if (code == SQLITE_DONE) return found;
        if (code != SQLITE_ROW) return store_error(handle_.get());
        found.row = FoundRow{.json = one.statement.text(0), .owners = {}};
        for (int i = 1; i <= one.owners; ++i)
            found.row->owners.push_back(one.statement.is_null(i) ? std::nullopt : std::optional(one.statement.text(i)));
        return found;
    }

private:
    struct Lookup {
        Statement statement;
        int owners = 0;
    };
    Handle handle_;
    const std::atomic<std::int64_t>& generation_;
    std::int64_t seen_ = -1;
    std::map<std::string, StoredView, std::less<>> views_;
    std::map<std::int64_t, Lookup> statements_;

    Status prepare(std::int64_t table, std::size_t parts, Lookup& lookup) {
        std::string where, columns = "json";
        for (std::size_t i = 0; i < parts; ++i) where += fmt::format("{}k{} = ?", i == 0 ? "" : " AND ", i);
        WEIR_ASSIGN(
            auto info,
            Statement::prepare(
                handle_.get(),
                fmt::format("SELECT count(*) FROM pragma_table_info('rows_{}') WHERE name GLOB 'o[0-9]*'", table)));
        if (info.step() == SQLITE_ROW) lookup.owners = static_cast<int>(info.integer(0));
        for (int i = 0; i < lookup.owners; ++i) columns += fmt::format(", o{}", i);
        WEIR_ASSIGN(lookup.statement, Statement::prepare(handle_.get(), fmt::format("SELECT {} FROM rows_{} WHERE {}",
                                                                                    columns, table, where)));
        return ok();
    }
    void leave() {
        statements_.clear();
        views_.clear();
        if (seen_ >= 0) static_cast<void>(execute(handle_.get(), "COMMIT"));
        seen_ = -1;
    }
};

class SqliteStore final : public ServingStore {
public:
    SqliteStore(fs::path file, Handle writer, const std::atomic<bool>* stop)
        : file_(std::move(file)), writer_(std::move(writer)), stop_(stop) {}

    Status load(const Load& load, sql::Connection& connection) override {
        auto* handle = writer_.get();
        WEIR_TRY(execute(handle, "BEGIN IMMEDIATE"));
        auto changed = load_in_transaction(load, connection);
        if (!changed) {
            static_cast<void>(execute(handle, "ROLLBACK"));
            return std::move(changed).error();
        }
        WEIR_TRY(execute(handle, "COMMIT"));
        generation_.fetch_add(1, std::memory_order_release);
        return ok();
    }

    Result<std::unique_ptr<StoreReader>> reader() override {
        WEIR_ASSIGN(auto handle, open_handle(file_));
        WEIR_TRY(execute(handle.get(), "PRAGMA query_only = 1; PRAGMA mmap_size = 1073741824"));
        return std::unique_ptr<StoreReader>(std::make_unique<SqliteReader>(std::move(handle), generation_));
    }

private:
    fs::path file_;
    Handle writer_;
    const std::atomic<bool>* stop_;
    std::atomic<std::int64_t> generation_{0};

    Status load_in_transaction(const Load& load, sql::Connection& connection) {
        auto* handle = writer_.get();
        WEIR_ASSIGN(const auto stored, stored_views(handle));
        std::set<std::string> kept;
        for (const auto& view : load.views) {
            if (view.key.empty()) continue;
            const auto& pinned = *view.pinned;
            kept.insert(pinned.view);
            const auto shape = shape_of(view);
            const auto known = stored.find(pinned.view);
            StoredView now{.version = pinned.version, .shape = shape, .from = pinned.from};
            if (known != stored.end() && known->second.version == pinned.version && known->second.shape == shape) {
                now.rows_table = known->second.rows_table;
                now.is_unique = known->second.is_unique;
            } else {
                WEIR_ASSIGN(now.rows_table, next_table());
                WEIR_ASSIGN(now.is_unique, load_rows(handle, now.rows_table, view, connection, stop_));
                if (!now.is_unique) WEIR_TRY(execute(handle, fmt::format("DELETE FROM rows_{}", now.rows_table)));
                if (known != stored.end())
                    WEIR_TRY(execute(handle, fmt::format("DROP TABLE rows_{}", known->second.rows_table)));
            }
            WEIR_TRY(put(pinned.view, now));
        }
        for (const auto& [name, view] : stored) {
            if (kept.contains(name)) continue;
            WEIR_TRY(execute(handle, fmt::format("DROP TABLE rows_{}", view.rows_table)));
            WEIR_ASSIGN(auto remove, Statement::prepare(handle, "DELETE FROM view WHERE name = ?"));
            remove.bind(1, std::string_view(name));
            if (remove.step() != SQLITE_DONE) return store_error(handle);
        }
        return execute(handle, fmt::format("UPDATE generation SET epoch = {}", load.epoch));
    }

    Result<std::int64_t> next_table() {
        WEIR_ASSIGN(auto statement,
                    Statement::prepare(writer_.get(),
                                       "UPDATE generation SET next_table = next_table + 1 RETURNING next_table - 1"));
        if (statement.step() != SQLITE_ROW) return store_error(writer_.get());
        const auto number = statement.integer(0);
        if (statement.step() != SQLITE_DONE) return store_error(writer_.get());
        return number;
    }

    Status put(const std::string& name, const StoredView& view) {
        WEIR_ASSIGN(auto statement,
                    Statement::prepare(writer_.get(),
                                       "INSERT OR REPLACE INTO view VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
        statement.bind(1, std::string_view(name));
        statement.bind(2, std::string_view(view.version));
        statement.bind(3, std::string_view(view.shape));
        statement.bind(4, view.rows_table);
        statement.bind(5, std::int64_t{view.is_unique});
        statement.bind(6, view.from.publication);
        statement.bind(7, view.from.published_at);
        statement.bind(8, std::string_view(view.from.interval));
        statement.bind(9, std::string_view(view.from.cut));
        statement.bind(10, view.from.rows);
        statement.bind(11, std::string_view(view.from.code));
        statement.bind(12, view.from.watermark);
        return statement.step() == SQLITE_DONE ? ok() : store_error(writer_.get());
    }
};

// False for an empty file.
Result<bool> has_other_format(sqlite3* handle) {
    WEIR_ASSIGN(auto statement,
                Statement::prepare(
                    handle, "SELECT user_version, EXISTS (SELECT * FROM sqlite_master) FROM pragma_user_version"));
    if (statement.step() != SQLITE_ROW) return store_error(handle);
    return statement.integer(1) != 0 && statement.integer(0) != tables_format;
}

Result<std::unique_ptr<ServingStore>> try_open(const fs::path& file, const std::atomic<bool>* stop) {
    WEIR_ASSIGN(auto handle, open_handle(file));
    WEIR_TRY(execute(handle.get(), settings));
    WEIR_ASSIGN(const bool is_old, has_other_format(handle.get()));
    if (is_old)
        return Error{.code = ErrorCode::table_damaged, .message = "the serving store is of another version of weir"};
    WEIR_TRY(execute(handle.get(), tables + fmt::format("PRAGMA user_version = {}", tables_format)));
    return std::unique_ptr<ServingStore>(std::make_unique<SqliteStore>(file, std::move(handle), stop));
}

}  // namespace

Result<std::unique_ptr<ServingStore>> open_sqlite_store(const std::filesystem::path& file,
                                                        const std::atomic<bool>* stop) {
    auto opened = try_open(file, stop);
    if (opened || opened.error().code != ErrorCode::table_damaged) return opened;
    // Everything in it is made from the lake: a damaged one is made anew.
    std::error_code ignored;
    for (const auto* ending : {"", "-wal", "-shm"}) fs::remove(file.string() + ending, ignored);
    return try_open(file, stop);
}

}  // namespace weir::serve

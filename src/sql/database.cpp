#include "sql/database.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <thread>

#include "base/file.h"
#include "sql/functions.h"

namespace weir::sql {
namespace {

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view p) { return text.starts_with(p); });
}

// What DuckDB says of a Parquet file that is broken or gone; half of it does not name the file.
bool speaks_of_damaged_file(std::string_view text) {
    constexpr std::array signs{std::string_view("No magic bytes found at end of file"),
                               std::string_view("too small to be a Parquet file"),
                               std::string_view("Footer length error in file"),
                               std::string_view("Could not read enough bytes from file"),
                               std::string_view("Decompression failure"),
                               std::string_view("Invalid Error: TProtocolException"),
                               std::string_view("Invalid Error: Out of buffer"),
                               std::string_view("Invalid Error: don't know what type"),
                               std::string_view("No files found that match the pattern")};
    return std::any_of(signs.begin(), signs.end(),
                       [&](std::string_view sign) { return text.find(sign) != std::string_view::npos; });
}

ErrorCode classify(std::string_view text) {
    if (speaks_of_damaged_file(text)) return ErrorCode::table_damaged;
    if (text.find("No space left on device") != std::string_view::npos) return ErrorCode::disk_full;
    // DuckDB calls it memory when the disk is full that memory would spill to.
    if (text.find("failed to offload") != std::string_view::npos) return ErrorCode::disk_full;
    if (starts_with_any(text, {"Out of Memory Error"})) return ErrorCode::out_of_memory;
    if (starts_with_any(text, {"IO Error", "HTTP Error"})) return ErrorCode::io_failed;
    if (starts_with_any(text, {"INTERRUPT Error", "Interrupt Error"})) return ErrorCode::interrupted;
    if (starts_with_any(text, {"INTERNAL Error", "FATAL Error"})) return ErrorCode::internal;
    return ErrorCode::sql_invalid;
}

// DuckDB shows the place as "LINE 3: …text…\n         ^". The caret's offset in the shown text gives the column.
void find_place(std::string_view text, std::string_view sql, Where& where) {
    const auto at = text.find("\nLINE ");
    if (at == std::string_view::npos) return;
    const auto line_text = text.substr(at + 6);
    const auto colon = line_text.find(": ");
    const auto line_end = line_text.find('\n');
    if (colon == std::string_view::npos || line_end == std::string_view::npos || colon > line_end) return;
    where.line = std::atoi(std::string(line_text.substr(0, colon)).c_str());
    const auto caret_line = line_text.substr(line_end + 1);
    const auto caret = caret_line.find('^');
    // "LINE 3: " precedes the shown text on its own line and its width precedes the caret too.
    const auto lead = 5 + colon + 2;
    if (caret == std::string_view::npos || caret < lead) return;
    auto shown = line_text.substr(colon + 2, line_end - colon - 2);
    auto offset = caret - lead;
    // A long line is cut on the left with "...": find the shown part in the real line.
    if (shown.starts_with("...") && offset >= 3) {
        shown.remove_prefix(3);
        offset -= 3;
    }
    if (shown.ends_with("...")) shown.remove_suffix(3);
    std::size_t begin = 0;
    for (int line = 1; line < where.line; ++line) {
        begin = sql.find('\n', begin);
        if (begin == std::string_view::npos) return;
        ++begin;
    }
    const auto real = sql.substr(begin, sql.find('\n', begin) - begin);
    const auto found = real.find(shown);
    where.column = static_cast<int>((found == std::string_view::npos ? 0 : found) + offset + 1);
}

// "failed to allocate data of size 1.0 MiB (37.6 MiB/38.1 MiB used)", and below it advice that names DuckDB's own
// settings: in its place comes what a project says.
void tell_memory(std::string_view text, Error& error) {
    auto said = text.substr(0, text.find('\n'));
    const std::string_view kind = "Out of Memory Error: ", end = " used)";
    if (said.starts_with(kind)) said.remove_prefix(kind.size());
    if (error.code == ErrorCode::disk_full) {
        error.message = fmt::format("the disk has no room for what the SQL engine's memory does not hold: {}", said);
        error.hint = disk_full_hint;
        return;
    }
    const auto open = said.rfind(" ("), slash = said.rfind('/');
    if (said.ends_with(end) && open != std::string_view::npos && slash != std::string_view::npos && open < slash) {
        const auto used = said.substr(open + 2, slash - open - 2);
        const auto allowed = said.substr(slash + 1, said.size() - end.size() - slash - 1);
        error.message = fmt::format("the SQL engine's memory does not suffice: {} are allowed and {} in use, {}",
                                    allowed, used, said.substr(0, open));
    } else {
        error.message = fmt::format("the SQL engine's memory does not suffice: {}", said);
    }
    error.hint = "allow more in weir.yaml, as engine: {memory: 2GB}";
    if (text.find("number of threads") != std::string_view::npos)
        error.hint += "; fewer threads need less, as engine: {threads: 2}";
}

}  // namespace

Error duckdb_error(std::string_view text, std::string_view sql) {
    Error error;
    error.code = classify(text);
    if (text.starts_with("Out of Memory Error")) {
        tell_memory(text, error);
        return error;
    }
    if (error.code == ErrorCode::disk_full) error.hint = disk_full_hint;
    if (error.code == ErrorCode::table_damaged)
        error.hint =
            "a data file is damaged or gone: put back an intact copy of it; where it holds a view's result, `weir run "
            "--full` computes that again";
    else
        find_place(text, sql, error.where);
    const auto place = text.find("\n\nLINE ");
    std::string message(text.substr(0, place == std::string_view::npos ? text.find("\nLINE ") : place));
    while (!message.empty() && message.back() == '\n') message.pop_back();
    error.message = std::move(message);
    return error;
}

std::string quote_name(std::string_view name) {
    std::string text = "\"";
    for (const char c : name) {
        if (c == '"') text += '"';
        text += c;
    }
    return text + '"';
}

std::string quote_text(std::string_view raw) {
    std::string text = "'";
    for (const char c : raw) {
        if (c == '\'') text += '\'';
        text += c;
    }
    return text + '\'';
}

std::string quote_list(const std::vector<std::string>& texts) {
    std::string list = "[";
    for (std::size_t i = 0; i < texts.size(); ++i) list += (i ? ", " : "") + quote_text(texts[i]);
    return list + "]";
}

std::optional<Type> to_lake_type(duckdb_logical_type type) {
    using enum Type::Kind;
    switch (duckdb_get_type_id(type)) {
        case DUCKDB_TYPE_BOOLEAN: return Type::of(boolean);
        case DUCKDB_TYPE_TINYINT: return Type::of(int8);
        case DUCKDB_TYPE_SMALLINT:
        case DUCKDB_TYPE_UTINYINT: return Type::of(int16);
        case DUCKDB_TYPE_INTEGER:
        case DUCKDB_TYPE_USMALLINT: return Type::of(int32);
        case DUCKDB_TYPE_BIGINT:
        case DUCKDB_TYPE_UINTEGER: return Type::of(int64);
        case DUCKDB_TYPE_UBIGINT: return Type::decimal(20, 0);
        case DUCKDB_TYPE_HUGEINT: return Type::decimal(38, 0);
        case DUCKDB_TYPE_FLOAT: return Type::of(float32);
        case DUCKDB_TYPE_DOUBLE: return Type::of(float64);
        case DUCKDB_TYPE_DECIMAL: return Type::decimal(duckdb_decimal_width(type), duckdb_decimal_scale(type));
        case DUCKDB_TYPE_VARCHAR:
        case DUCKDB_TYPE_UUID:
        case DUCKDB_TYPE_ENUM: return Type::of(string);
        case DUCKDB_TYPE_BLOB: return Type::of(binary);
        case DUCKDB_TYPE_DATE: return Type::of(date);
        case DUCKDB_TYPE_TIMESTAMP_TZ: return Type::of(timestamp);
        case DUCKDB_TYPE_TIMESTAMP:
        case DUCKDB_TYPE_TIMESTAMP_S:
        case DUCKDB_TYPE_TIMESTAMP_MS:
        case DUCKDB_TYPE_TIMESTAMP_NS: return Type::of(timestamp_ntz);
        case DUCKDB_TYPE_SQLNULL: return Type::of(null);
        case DUCKDB_TYPE_STRUCT: {
            Type result = Type::of(structure);
            const auto count = duckdb_struct_type_child_count(type);
            for (idx_t i = 0; i < count; ++i) {
                char* name = duckdb_struct_type_child_name(type, i);
                duckdb_logical_type child = duckdb_struct_type_child_type(type, i);
                auto child_type = to_lake_type(child);
                if (child_type) result.fields.push_back({.name = name, .type = *child_type});
                duckdb_free(name);
                duckdb_destroy_logical_type(&child);
                if (!child_type) return std::nullopt;
            }
            return result;
        }
        case DUCKDB_TYPE_LIST:
        case DUCKDB_TYPE_ARRAY: {
            const bool list = duckdb_get_type_id(type) == DUCKDB_TYPE_LIST;
            duckdb_logical_type child = list ? duckdb_list_type_child_type(type) : duckdb_array_type_child_type(type);
            const auto element = to_lake_type(child);
            duckdb_destroy_logical_type(&child);
            if (!element) return std::nullopt;
            Type result = Type::of(array);
            result.fields.push_back({.name = "element", .type = *element});
            return result;
        }
        case DUCKDB_TYPE_MAP: {
            duckdb_logical_type key = duckdb_map_type_key_type(type);
            duckdb_logical_type value = duckdb_map_type_value_type(type);
            const auto key_type = to_lake_type(key);
            const auto value_type = to_lake_type(value);
            duckdb_destroy_logical_type(&key);
            duckdb_destroy_logical_type(&value);
            if (!key_type || !value_type) return std::nullopt;
            Type result = Type::of(map);
            result.fields.push_back({.name = "key", .type = *key_type, .nullable = false});
            result.fields.push_back({.name = "value", .type = *value_type});
            return result;
        }
        default: return std::nullopt;
    }
}

// ---- Rows

Rows::Rows(Rows&& other) noexcept
    : names_(std::move(other.names_)),
      types_(std::move(other.types_)),
      chunks_(std::exchange(other.chunks_, {})),
      chunk_starts_(std::move(other.chunk_starts_)),
      row_count_(std::exchange(other.row_count_, 0)) {}

Rows& Rows::operator=(Rows&& other) noexcept {
    std::swap(names_, other.names_);
    std::swap(types_, other.types_);
    std::swap(chunks_, other.chunks_);
    std::swap(chunk_starts_, other.chunk_starts_);
    std::swap(row_count_, other.row_count_);
    return *this;
}

Rows::~Rows() {
    for (auto& chunk : chunks_) duckdb_destroy_data_chunk(&chunk);
}

Rows::Cell Rows::locate(std::size_t row) const {
    assert(row < row_count_);
    const auto after = std::upper_bound(chunk_starts_.begin(), chunk_starts_.end(), row);
    const auto chunk = static_cast<std::size_t>(after - chunk_starts_.begin()) - 1;
    return {chunks_[chunk], row - chunk_starts_[chunk]};
}

bool Rows::is_null(std::size_t row, std::size_t column) const {
    const auto cell = locate(row);
    std::uint64_t* validity = duckdb_vector_get_validity(duckdb_data_chunk_get_vector(cell.chunk, column));
    return validity != nullptr && !duckdb_validity_row_is_valid(validity, cell.row);
}

std::int64_t Rows::integer(std::size_t row, std::size_t column) const {
    if (is_null(row, column)) return 0;
    const auto cell = locate(row);
    const void* data = duckdb_vector_get_data(duckdb_data_chunk_get_vector(cell.chunk, column));
    switch (types_[column]) {
        case DUCKDB_TYPE_BOOLEAN: return static_cast<const bool*>(data)[cell.row] ? 1 : 0;
        case DUCKDB_TYPE_TINYINT: return static_cast<const std::int8_t*>(data)[cell.row];
        case DUCKDB_TYPE_UTINYINT: return static_cast<const std::uint8_t*>(data)[cell.row];
        case DUCKDB_TYPE_SMALLINT: return static_cast<const std::int16_t*>(data)[cell.row];
        case DUCKDB_TYPE_USMALLINT: return static_cast<const std::uint16_t*>(data)[cell.row];
        case DUCKDB_TYPE_INTEGER:
        case DUCKDB_TYPE_DATE: return static_cast<const std::int32_t*>(data)[cell.row];
        case DUCKDB_TYPE_UINTEGER: return static_cast<const std::uint32_t*>(data)[cell.row];
        case DUCKDB_TYPE_BIGINT:
        case DUCKDB_TYPE_TIMESTAMP:
        case DUCKDB_TYPE_TIMESTAMP_TZ: return static_cast<const std::int64_t*>(data)[cell.row];
        case DUCKDB_TYPE_UBIGINT: return static_cast<std::int64_t>(static_cast<const std::uint64_t*>(data)[cell.row]);
        case DUCKDB_TYPE_HUGEINT:
            // sum() over integers; the values that we ask for fit into 64 bits.
            return static_cast<std::int64_t>(static_cast<const duckdb_hugeint*>(data)[cell.row].lower);
        default: assert(false && "not an integer column"); return 0;
    }
}

double Rows::real(std::size_t row, std::size_t column) const {
    if (is_null(row, column)) return 0;
    const auto cell = locate(row);
    const void* data = duckdb_vector_get_data(duckdb_data_chunk_get_vector(cell.chunk, column));
    switch (types_[column]) {
        case DUCKDB_TYPE_FLOAT: return static_cast<const float*>(data)[cell.row];
        case DUCKDB_TYPE_DOUBLE: return static_cast<const double*>(data)[cell.row];
        default: return static_cast<double>(integer(row, column));
    }
}

std::string_view Rows::text(std::size_t row, std::size_t column) const {
    if (is_null(row, column)) return {};
    assert(types_[column] == DUCKDB_TYPE_VARCHAR || types_[column] == DUCKDB_TYPE_BLOB);
    const auto cell = locate(row);
    auto* data =
        static_cast<duckdb_string_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(cell.chunk, column)));
    return {duckdb_string_t_data(&data[cell.row]), duckdb_string_t_length(data[cell.row])};
}

std::optional<std::string> Rows::text_or_null(std::size_t row, std::size_t column) const {
    if (is_null(row, column)) return std::nullopt;
    return std::string(text(row, column));
}

// ---- Connection

Connection::Connection(Connection&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
    std::swap(connection_, other.connection_);
    return *this;
}

Connection::~Connection() {
    if (connection_ != nullptr) duckdb_disconnect(&connection_);
}

namespace {

using Failure = std::optional<std::string>;

Failure said(const char* text) { return Failure(text == nullptr ? "unknown error" : text); }

Failure judge(duckdb_state state, duckdb_result* result) {
    return state == DuckDBSuccess ? std::nullopt : said(duckdb_result_error(result));
}

// Gives what is wrong, or nothing. While other threads do the last of a statement's work, DuckDB would ask for more
// without a pause, and take a core from them: here it is asked again after a short sleep.
Failure finish_pending(duckdb_pending_result pending, duckdb_result* result) {
    constexpr auto shortest = std::chrono::microseconds(20), longest = std::chrono::microseconds(200);
    auto pause = shortest;
    for (;;) {
        const auto state = duckdb_pending_execute_task(pending);
        if (state == DUCKDB_PENDING_ERROR) return said(duckdb_pending_error(pending));
        if (state == DUCKDB_PENDING_RESULT_NOT_READY) {
            pause = shortest;
        } else if (state == DUCKDB_PENDING_NO_TASKS_AVAILABLE) {
            std::this_thread::sleep_for(pause);
            pause = std::min(pause * 2, longest);
        } else {
            return judge(duckdb_execute_pending(pending, result), result);
        }
    }
}

// As duckdb_query; gives what is wrong, or nothing.
Failure execute(duckdb_connection connection, const std::string& sql, duckdb_result* result) {
    duckdb_extracted_statements statements = nullptr;
    duckdb_prepared_statement prepared = nullptr;
    bool ready = duckdb_extract_statements(connection, sql.c_str(), &statements) == 1 &&
                 duckdb_prepare_extracted_statement(connection, statements, 0, &prepared) == DuckDBSuccess &&
                 duckdb_nparams(prepared) == 0;
    duckdb_destroy_extracted(&statements);
    if (ready) {
        const auto kind = duckdb_prepared_statement_type(prepared);
        ready = kind == DUCKDB_STATEMENT_TYPE_SELECT || kind == DUCKDB_STATEMENT_TYPE_COPY ||
                kind == DUCKDB_STATEMENT_TYPE_CREATE || kind == DUCKDB_STATEMENT_TYPE_INSERT;
    }
    duckdb_pending_result pending = nullptr;
    if (!ready || duckdb_pending_prepared(prepared, &pending) != DuckDBSuccess) {
        duckdb_destroy_pending(&pending);
        duckdb_destroy_prepare(&prepared);
        // With its own words where something is wrong.
        return judge(duckdb_query(connection, sql.c_str(), result), result);
    }
    auto failure = finish_pending(pending, result);
    duckdb_destroy_pending(&pending);
    duckdb_destroy_prepare(&prepared);
    return failure;
}

}  // namespace

Status Connection::run(const std::string& sql) {
    duckdb_result result{};
    const auto failure = execute(connection_, sql, &result);
    duckdb_destroy_result(&result);
    return failure ? Status(duckdb_error(*failure, sql)) : ok();
}

Result<Rows> Connection::query(const std::string& sql) {
    duckdb_result result{};
    if (const auto failure = execute(connection_, sql, &result)) {
        duckdb_destroy_result(&result);
        return duckdb_error(*failure, sql);
    }
    Rows rows;
    const auto columns = duckdb_column_count(&result);
    for (idx_t i = 0; i < columns; ++i) {
        rows.names_.emplace_back(duckdb_column_name(&result, i));
        rows.types_.push_back(duckdb_column_type(&result, i));
    }
    while (duckdb_data_chunk chunk = duckdb_fetch_chunk(result)) {
        const auto size = duckdb_data_chunk_get_size(chunk);
        if (size == 0) {
            duckdb_destroy_data_chunk(&chunk);
            continue;
        }
        rows.chunk_starts_.push_back(rows.row_count_);
        rows.chunks_.push_back(chunk);
        rows.row_count_ += size;
    }
    duckdb_destroy_result(&result);
    return rows;
}

Statement::Statement(Statement&& other) noexcept
    : sql_(std::move(other.sql_)), statement_(std::exchange(other.statement_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
    std::swap(sql_, other.sql_);
    std::swap(statement_, other.statement_);
    return *this;
}

Statement::~Statement() {
    if (statement_ != nullptr) duckdb_destroy_prepare(&statement_);
}

Result<Statement> Connection::prepare(const std::string& sql) {
    Statement statement;
    statement.sql_ = sql;
    if (duckdb_prepare(connection_, sql.c_str(), &statement.statement_) == DuckDBSuccess) return statement;
    const char* text = duckdb_prepare_error(statement.statement_);
    return duckdb_error(text == nullptr ? "unknown error" : text, sql);
}

Result<duckdb_statement_type> Connection::bind(const std::string& sql) {
    WEIR_ASSIGN(const auto statement, prepare(sql));
    return duckdb_prepared_statement_type(statement.raw());
}

Result<std::vector<Column>> Connection::describe(const std::string& sql) {
    // Prepared first: DESCRIBE would accept, and move the position of an error in, the same text.
    WEIR_TRY(prepare(sql));
    WEIR_ASSIGN(const auto rows, query("DESCRIBE " + sql));
    std::vector<Column> columns;
    for (std::size_t row = 0; row < rows.row_count(); ++row)
        columns.push_back({std::string(rows.text(row, 0)), std::string(rows.text(row, 1))});
    return columns;
}

Result<Schema> Connection::schema_of(const std::string& sql) {
    WEIR_ASSIGN(const auto statement, prepare(sql));
    Schema schema;
    const auto columns = duckdb_prepared_statement_column_count(statement.raw());
    for (idx_t i = 0; i < columns; ++i) {
        const char* name = duckdb_prepared_statement_column_name(statement.raw(), i);
        duckdb_logical_type type = duckdb_prepared_statement_column_logical_type(statement.raw(), i);
        const auto lake_type = to_lake_type(type);
        duckdb_destroy_logical_type(&type);
        std::string column = name == nullptr ? "" : name;
        duckdb_free(const_cast<char*>(name));
        if (!lake_type) {
            return Error{.code = ErrorCode::sql_invalid,
                         .message = fmt::format("column '{}' has a type that a lake cannot hold", column),
                         .hint = "cast it, for example to VARCHAR, BIGINT or DECIMAL"};
        }
        schema.fields.push_back({.name = std::move(column), .type = *lake_type});
    }
    return schema;
}

namespace {

Status announce(duckdb_result& result, const std::function<Status(const ResultHeader&)>& begin) {
    ResultHeader header;
    for (idx_t i = 0; i < duckdb_column_count(&result); ++i) {
        header.names.emplace_back(duckdb_column_name(&result, i));
        header.types.push_back(duckdb_column_logical_type(&result, i));
    }
    auto status = begin(header);
    for (auto& type : header.types) duckdb_destroy_logical_type(&type);
    return status;
}

}  // namespace

Status Connection::stream(const std::string& sql, const std::function<Status(duckdb_data_chunk)>& take) {
    return stream(sql, nullptr, take);
}

Status Connection::stream(const std::string& sql, const std::function<Status(const ResultHeader&)>& begin,
                          const std::function<Status(duckdb_data_chunk)>& take) {
    WEIR_ASSIGN(auto statement, prepare(sql));
    return statement.stream(begin, take);
}

Status Statement::stream(const std::function<Status(const ResultHeader&)>& begin,
                         const std::function<Status(duckdb_data_chunk)>& take) {
    duckdb_pending_result pending = nullptr;
    duckdb_result result;
    Status status;
    // The streaming result of the C API; the materialised one would hold every row.
    if (duckdb_pending_prepared_streaming(statement_, &pending) != DuckDBSuccess) {
        const char* text = duckdb_pending_error(pending);
        status = duckdb_error(text == nullptr ? "unknown error" : text, sql_);
        duckdb_destroy_pending(&pending);
        return status;
    }
    // What fails from here on is told by the result, no longer by the pending one.
    if (duckdb_execute_pending(pending, &result) != DuckDBSuccess) {
        const char* text = duckdb_result_error(&result);
        status = duckdb_error(text == nullptr ? "unknown error" : text, sql_);
        duckdb_destroy_result(&result);
        duckdb_destroy_pending(&pending);
        return status;
    }
    if (begin) status = announce(result, begin);
    while (status) {
        duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
        if (chunk == nullptr) {
            if (const char* text = duckdb_result_error(&result); text != nullptr && *text != '\0')
                status = duckdb_error(text, sql_);
            break;
        }
        status = take(chunk);
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
    duckdb_destroy_pending(&pending);
    return status;
}

Result<std::int64_t> Statement::run() {
    duckdb_pending_result pending = nullptr;
    duckdb_result result{};
    auto failure = duckdb_pending_prepared(statement_, &pending) == DuckDBSuccess ? finish_pending(pending, &result)
                                                                                  : said(duckdb_pending_error(pending));
    const auto changed = failure ? 0 : static_cast<std::int64_t>(duckdb_rows_changed(&result));
    duckdb_destroy_pending(&pending);
    duckdb_destroy_result(&result);
    if (failure) return duckdb_error(*failure, sql_);
    return changed;
}

void Connection::interrupt() { duckdb_interrupt(connection_); }
double Connection::progress() const { return duckdb_query_progress(connection_).percentage; }

// ---- Database

Database::Database(Database&& other) noexcept
    : spill_(std::exchange(other.spill_, std::nullopt)), database_(std::exchange(other.database_, nullptr)) {}

Database& Database::operator=(Database&& other) noexcept {
    std::swap(database_, other.database_);
    std::swap(spill_, other.spill_);
    return *this;
}

Database::~Database() {
    if (database_ != nullptr) duckdb_close(&database_);
}

Result<Database> Database::open(DatabaseOptions options) {
    duckdb_config config;
    if (duckdb_create_config(&config) != DuckDBSuccess)
        return Error{.code = ErrorCode::internal, .message = "DuckDB could not be configured"};
    const auto set = [&](const char* name, const std::string& value) {
        duckdb_set_config(config, name, value.c_str());
    };
    set("autoinstall_known_extensions", "false");
    set("autoload_known_extensions", "false");
    if (!options.memory_limit.empty()) set("memory_limit", options.memory_limit);
    if (options.threads > 0) set("threads", std::to_string(options.threads));
    if (options.spill) set("temp_directory", options.spill->path().string());
    duckdb_database database = nullptr;
    char* text = nullptr;
    const auto state = duckdb_open_ext(options.path.empty() ? nullptr : options.path.c_str(), &database, config, &text);
    duckdb_destroy_config(&config);
    if (state != DuckDBSuccess) {
        Error error = duckdb_error(text == nullptr ? "DuckDB did not open" : text, "");
        duckdb_free(text);
        return error;
    }
    Database opened(database, std::move(options.spill));
    WEIR_ASSIGN(auto connection, opened.connect());
    WEIR_TRY(connection.run("SET GLOBAL TimeZone = 'UTC'"));
    if (!register_functions(connection.raw()))
        return Error{.code = ErrorCode::internal, .message = "DuckDB did not take weir's functions"};
    return opened;
}

Result<Connection> Database::connect() {
    duckdb_connection raw = nullptr;
    if (duckdb_connect(database_, &raw) != DuckDBSuccess)
        return Error{.code = ErrorCode::internal, .message = "DuckDB gave no connection"};
    return Connection(raw);
}

}  // namespace weir::sql

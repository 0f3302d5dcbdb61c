#include "serve/store/postgres_connection.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

namespace weir::serve::postgres {
namespace {

using std::chrono::steady_clock;

// How soon a wait hears that weir is to stop.
constexpr int look_every_ms = 100;

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
    return text;
}

Error not_a_connection_string() {
    return {.code = ErrorCode::project_invalid,
            .message = "store: 'postgres' is no connection string of PostgreSQL",
            .hint =
                "postgresql://user:password@host:5432/database, what is not a letter or a digit of user and password "
                "written as %40; or host=… user=… password=… dbname=…"};
}

}  // namespace

Result<Options> parse_connection(const std::string& text) {
    char* ignored = nullptr;  // may repeat what was given
    auto* parsed = PQconninfoParse(text.c_str(), &ignored);
    PQfreemem(ignored);
    if (parsed == nullptr || text.find('\0') != std::string::npos) {
        PQconninfoFree(parsed);
        return not_a_connection_string();
    }
    Options options;
    for (const auto* option = parsed; option->keyword != nullptr; ++option)
        if (option->val != nullptr) options.emplace(option->keyword, option->val);
    PQconninfoFree(parsed);
    // What a password with an unescaped @, / or : leaves in other options would be told in messages.
    const auto has = [&](const char* name, const char* characters) {
        const auto found = options.find(name);
        return found != options.end() && found->second.find_first_of(characters) != std::string::npos;
    };
    const auto is_number_list = [](const std::string& value) {
        return value.find_first_not_of("0123456789,") == std::string::npos;
    };
    const auto port = options.find("port");
    if (has("host", "@ ") || has("hostaddr", "@/ ") || has("dbname", "@") || has("user", "/ ") ||
        (port != options.end() && !is_number_list(port->second)))
        return not_a_connection_string();
    return options;
}

std::int64_t Rows::integer(int row, int column) const {
    const auto value = text(row, column);
    std::int64_t number = 0;
    std::from_chars(value.data(), value.data() + value.size(), number);
    return number;
}

std::int64_t Rows::affected() const {
    const std::string_view value = result_ == nullptr ? "" : PQcmdTuples(result_.get());
    std::int64_t number = 0;
    std::from_chars(value.data(), value.data() + value.size(), number);
    return number;
}

Result<Connection> Connection::open(const Options& options, Waiting waiting) {
    Connection connection(nullptr, std::move(waiting));
    WEIR_TRY(connection.connect(options));
    return connection;
}

Status Connection::connect(const Options& options) {
    auto all = options;
    all.try_emplace("application_name", "weir");
    // A server that is gone without a word is noticed.
    all.try_emplace("keepalives_idle", "10");
    all.try_emplace("keepalives_interval", "5");
    all.try_emplace("keepalives_count", "3");
    all.try_emplace("tcp_user_timeout", "30000");
    all["client_encoding"] = "UTF8";
    std::vector<const char*> names, values;
    for (const auto& [name, value] : all) {
        names.push_back(name.c_str());
        values.push_back(value.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    handle_.reset(PQconnectStartParams(names.data(), values.data(), 0));
    if (!handle_) return Error{.code = ErrorCode::out_of_memory, .message = "no memory for a connection"};
    const auto until = Deadline(steady_clock::now() + waiting_.connect_timeout);
    auto next = PGRES_POLLING_WRITING;
    while (PQstatus(handle_.get()) != CONNECTION_BAD && next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED) {
        WEIR_TRY(wait(next == PGRES_POLLING_WRITING, until));
        next = PQconnectPoll(handle_.get());
    }
    if (PQstatus(handle_.get()) != CONNECTION_OK) {
        broken_ = true;
        // The first line; behind it stand suggestions.
        std::string said(PQerrorMessage(handle_.get()));
        said = trimmed(std::string_view(said).substr(0, said.find('\n')));
        const auto password = options.find("password");
        if (password != options.end() && !password->second.empty() && said.find(password->second) != std::string::npos)
            said = "the connection fails";
        return Error{.code = ErrorCode::io_failed, .message = fmt::format("the serving store: {}", said)};
    }
    PQsetnonblocking(handle_.get(), 1);
    PQsetNoticeProcessor(
        handle_.get(), [](void*, const char*) {}, nullptr);
    WEIR_ASSIGN(const auto encoding, run("SHOW server_encoding"));
    if (encoding.count() != 1 || encoding.text(0, 0) != "UTF8")
        return Error{.code = ErrorCode::refused,
                     .message = "the serving store: the database does not hold UTF-8",
                     .hint = "make one that does: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"};
    WEIR_TRY(
        run("SET client_min_messages = warning; SET DateStyle = 'ISO'; SET TimeZone = 'UTC'; "
            "SET search_path = pg_catalog"));
    return ok();
}

Connection::Deadline Connection::deadline() const {
    if (waiting_.statement_timeout.count() == 0) return std::nullopt;
    return steady_clock::now() + waiting_.statement_timeout;
}

Status Connection::go_on() {
    if (!waiting_.stop || !waiting_.stop()) return ok();
    broken_ = true;
    return Error{.code = ErrorCode::interrupted, .message = "the serving store: stopped"};
}

Status Connection::wait(bool for_write, const Deadline& until) {
    for (;;) {
        WEIR_TRY(go_on());
        auto most = look_every_ms;
        if (until) {
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(*until - steady_clock::now()).count() + 1;
            if (left <= 0) {
                broken_ = timed_out_ = true;
                return Error{.code = ErrorCode::io_failed, .message = "the serving store does not answer in time"};
            }
            most = static_cast<int>(std::min<std::int64_t>(left, look_every_ms));
        }
        pollfd socket{.fd = PQsocket(handle_.get()),
                      .events = static_cast<short>(for_write ? POLLIN | POLLOUT : POLLIN),
                      .revents = 0};
        if (socket.fd < 0) {
            broken_ = true;
            return Error{.code = ErrorCode::io_failed, .message = "the serving store: the connection is closed"};
        }
        const int ready = ::poll(&socket, 1, most);
        if (ready > 0) return ok();
        if (ready < 0 && errno != EINTR) {
            broken_ = true;
            return Error{.code = ErrorCode::io_failed, .message = "the serving store: the connection cannot be read"};
        }
    }
}

Status Connection::flush(const Deadline& until) {
    for (;;) {
        const int left = PQflush(handle_.get());
        if (left == 0) return ok();
        if (left < 0) return failure(nullptr);
        WEIR_TRY(wait(true, until));
        if (PQconsumeInput(handle_.get()) == 0) return failure(nullptr);
    }
}

Error Connection::failure(PGresult* result) {
    const auto* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    state_ = state == nullptr ? "" : state;
    if (state_.empty() || state_.starts_with("08") || state_.starts_with("57P")) broken_ = true;
    const auto field = [&](int code) -> std::string {
        const auto* text = result == nullptr ? nullptr : PQresultErrorField(result, code);
        return text == nullptr ? "" : text;
    };
    auto primary = field(PG_DIAG_MESSAGE_PRIMARY);
    if (primary.empty()) primary = trimmed(PQerrorMessage(handle_.get()));
    if (primary.empty()) primary = "the connection is lost";
    const auto detail = field(PG_DIAG_MESSAGE_DETAIL);
    Error error{.code = ErrorCode::io_failed,
                .message = fmt::format("the serving store: {}{}{}", primary, detail.empty() ? "" : ": ", detail)};
    if (state_ == "2BP01") {
        error.code = ErrorCode::refused;
        error.hint = "weir drops nothing that others stand on: drop or change those first, and it tries again";
    } else if (state_ == "42501") {
        error.code = ErrorCode::refused;
        error.hint = "weir's role needs CREATE in the schema, or in the database to make it, and owns its tables";
    } else if (state_ == "53100") {
        error.code = ErrorCode::disk_full;
    } else if (state_ == "55P03") {
        error.hint = "somebody holds a lock on the table for long; weir tries again";
    }
    return error;
}

Result<Rows> Connection::results() {
    const auto until = deadline();
    WEIR_TRY(flush(until));
    Rows rows;
    std::optional<Error> failed;
    for (;;) {
        while (PQisBusy(handle_.get()) != 0) {
            WEIR_TRY(wait(false, until));
            if (PQconsumeInput(handle_.get()) == 0) return failure(nullptr);
        }
        auto* result = PQgetResult(handle_.get());
        if (result == nullptr) break;
        const auto status = PQresultStatus(result);
        Rows one(result);
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT) return one;
        if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) {
            if (!failed) failed = failure(result);
        } else {
            rows = std::move(one);
        }
    }
    if (failed) return std::move(*failed);
    return rows;
}

Result<Rows> Connection::run(const std::string& sql) {
    if (PQsendQuery(handle_.get(), sql.c_str()) == 0) return failure(nullptr);
    return results();
}

Status Connection::prepare(const std::string& name, const std::string& sql) {
    if (PQsendPrepare(handle_.get(), name.c_str(), sql.c_str(), 0, nullptr) == 0) return failure(nullptr);
    auto done = results();
    return done ? ok() : Status(std::move(done).error());
}

Result<Rows> Connection::run_prepared(const std::string& name, const std::vector<Parameter>& parameters) {
    std::vector<const char*> values;
    std::vector<int> lengths, formats;
    for (const auto& parameter : parameters) {
        values.push_back(parameter.value.c_str());
        lengths.push_back(static_cast<int>(parameter.value.size()));
        formats.push_back(parameter.binary ? 1 : 0);
    }
    if (PQsendQueryPrepared(handle_.get(), name.c_str(), static_cast<int>(values.size()), values.data(), lengths.data(),
                            formats.data(), 1) == 0)
        return failure(nullptr);
    return results();
}

Status Connection::begin_copy(const std::string& sql) {
    auto begun = run(sql);
    return begun ? ok() : Status(std::move(begun).error());
}

Status Connection::put_copy(std::string_view piece) {
    WEIR_TRY(go_on());
    const auto until = deadline();
    for (;;) {
        const int taken = PQputCopyData(handle_.get(), piece.data(), static_cast<int>(piece.size()));
        if (taken < 0) return failure(nullptr);
        if (taken > 0) break;
        WEIR_TRY(flush(until));
    }
    return flush(until);
}

Result<std::int64_t> Connection::end_copy() {
    const auto until = deadline();
    for (;;) {
        const int taken = PQputCopyEnd(handle_.get(), nullptr);
        if (taken < 0) return failure(nullptr);
        if (taken > 0) break;
        WEIR_TRY(flush(until));
    }
    WEIR_ASSIGN(const auto rows, results());
    return rows.affected();
}

}  // namespace weir::serve::postgres

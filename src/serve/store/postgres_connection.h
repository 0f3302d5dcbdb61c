// A connection to PostgreSQL through libpq whose waits all end: each looks at a deadline, and at whether to stop.
//
// The connection string is a secret. It is taken apart before anything else sees it, and no message of libpq that could
// repeat a part of it is passed on.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serve/store/postgres_values.h"

namespace weir::serve::postgres {

// The options of a connection string, by name. Never printed.
using Options = std::map<std::string, std::string>;
// Fails without repeating the text.
Result<Options> parse_connection(const std::string& text);

class Rows {
public:
    explicit Rows(PGresult* result = nullptr) : result_(result) {}
    int count() const { return result_ == nullptr ? 0 : PQntuples(result_.get()); }
    int columns() const { return result_ == nullptr ? 0 : PQnfields(result_.get()); }
    bool is_null(int row, int column) const { return PQgetisnull(result_.get(), row, column) != 0; }
    std::string_view text(int row, int column) const {
        return {PQgetvalue(result_.get(), row, column),
                static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
    }
    std::int64_t integer(int row, int column) const;  // of a text; 0 for NULL
    bool boolean(int row, int column) const { return text(row, column) == "t"; }
    // Rows that the statement changed.
    std::int64_t affected() const;

private:
    struct Clear {
        void operator()(PGresult* result) const { PQclear(result); }
    };
    std::unique_ptr<PGresult, Clear> result_;
};

struct Waiting {
    std::chrono::milliseconds connect_timeout{5000};
    std::chrono::milliseconds statement_timeout{0};  // 0: as long as it takes
    std::function<bool()> stop{};                    // ends every wait; may be nothing
};

class Connection {
public:
    // The database must hold UTF-8.
    static Result<Connection> open(const Options& options, Waiting waiting);

    // One statement or several; the rows of the last one.
    Result<Rows> run(const std::string& sql);
    Status prepare(const std::string& name, const std::string& sql);
    // Rows in binary form.
    Result<Rows> run_prepared(const std::string& name, const std::vector<Parameter>& parameters);
    // COPY … FROM STDIN: begin, any number of pieces, end. An error in between ends it.
    Status begin_copy(const std::string& sql);
    Status put_copy(std::string_view piece);
    Result<std::int64_t> end_copy();

    // SQLSTATE of the last failure; empty: it was not the server's.
    const std::string& state() const { return state_; }
    bool timed_out() const { return timed_out_; }
    // Nothing more can be asked on it.
    bool is_broken() const { return broken_ || PQstatus(handle_.get()) != CONNECTION_OK; }

private:
    struct Finish {
        void operator()(PGconn* handle) const { PQfinish(handle); }
    };
    using Deadline = std::optional<std::chrono::steady_clock::time_point>;
    Connection(PGconn* handle, Waiting waiting) : handle_(handle), waiting_(std::move(waiting)) {}

    std::unique_ptr<PGconn, Finish> handle_;
    Waiting waiting_;
    std::string state_;
    bool broken_ = false, timed_out_ = false;

    Status connect(const Options& options);
    Deadline deadline() const;
    Status go_on();
    Status wait(bool for_write, const Deadline& until);
    Status flush(const Deadline& until);
    // All results of what was sent; the last one, or the first failure.
    Result<Rows> results();
    Error failure(PGresult* result);
};

}  // namespace weir::serve::postgres

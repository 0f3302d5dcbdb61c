// A PostgreSQL server of Debian's package for one test, on a free port of this machine, and statements on it.
#pragma once

#include <libpq-fe.h>
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace weir::test {

class PostgresServer {
public:
    // Why there is none; empty: it runs.
    const std::string& missing() const { return missing_; }
    // Makes a cluster with the user `weir`, who owns the database `serving`, and starts it.
    PostgresServer();
    ~PostgresServer();
    PostgresServer(const PostgresServer&) = delete;

    void start();
    // SIGINT: at once and in order; SIGKILL: as a machine that loses power.
    void stop(int signal);
    std::uint16_t port() const { return port_; }
    static std::string password() { return "correct-horse-battery"; }
    std::string url() const {
        return "postgresql://weir:" + password() + "@127.0.0.1:" + std::to_string(port_) + "/serving";
    }

private:
    std::string missing_;
    std::filesystem::path programs_, folder_;
    pid_t pid_ = -1;
    std::uint16_t port_ = 0;

    // As a user who may run it: PostgreSQL refuses to run as root.
    pid_t spawn(std::vector<std::string> words) const;
};

// Rows of texts; NULL is "NULL".
using Table = std::vector<std::vector<std::string>>;

class Psql {
public:
    explicit Psql(const PostgresServer& server);
    bool connected() const { return PQstatus(handle_.get()) == CONNECTION_OK; }
    // The test fails where the statement does.
    Table query(const std::string& sql);
    // The one value of a statement.
    std::string value(const std::string& sql);
    // Nothing where it is refused.
    bool try_run(const std::string& sql);

private:
    struct Finish {
        void operator()(PGconn* handle) const { PQfinish(handle); }
    };
    std::unique_ptr<PGconn, Finish> handle_;
};

}  // namespace weir::test

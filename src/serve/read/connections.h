// DuckDB connections for queries, each with a time at which what runs on it is cut off.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "sql/database.h"

namespace weir::serve {

class Connections {
public:
    explicit Connections(sql::Database& database);
    ~Connections();
    Connections(const Connections&) = delete;

    // A connection of one's own until it goes. What runs longer than `at_most` fails with `interrupted`.
    class Lease {
    public:
        Lease(Lease&&) noexcept = default;
        Lease& operator=(Lease&&) = delete;
        ~Lease();
        sql::Connection& operator*() { return *connection_; }
        sql::Connection* operator->() { return connection_.get(); }

    private:
        friend class Connections;
        Lease(Connections& pool, std::unique_ptr<sql::Connection> connection)
            : pool_(&pool), connection_(std::move(connection)) {}
        Connections* pool_;
        std::unique_ptr<sql::Connection> connection_;
    };
    Result<Lease> borrow(std::chrono::milliseconds at_most);

private:
    using Clock = std::chrono::steady_clock;
    sql::Database& database_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<std::unique_ptr<sql::Connection>> free_;
    std::set<std::pair<Clock::time_point, sql::Connection*>> running_;
    bool stopping_ = false;
    std::thread watch_;
    void watch();
    void give_back(std::unique_ptr<sql::Connection> connection);
};

}  // namespace weir::serve

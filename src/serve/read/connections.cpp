#include "serve/read/connections.h"

#include <algorithm>

namespace weir::serve {

Connections::Connections(sql::Database& database) : database_(database), watch_([this] { watch(); }) {}

Connections::~Connections() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    watch_.join();
}

Result<Connections::Lease> Connections::borrow(std::chrono::milliseconds at_most) {
    std::unique_ptr<sql::Connection> connection;
    {
        const std::lock_guard lock(mutex_);
        if (!free_.empty()) {
            connection = std::move(free_.back());
            free_.pop_back();
        }
    }
    if (!connection) {
        WEIR_ASSIGN(auto made, database_.connect());
        connection = std::make_unique<sql::Connection>(std::move(made));
    }
    {
        const std::lock_guard lock(mutex_);
        running_.emplace(Clock::now() + at_most, connection.get());
    }
    wake_.notify_all();
    return Lease(*this, std::move(connection));
}

Connections::Lease::~Lease() {
    if (connection_) pool_->give_back(std::move(connection_));
}

void Connections::give_back(std::unique_ptr<sql::Connection> connection) {
    const std::lock_guard lock(mutex_);
    std::erase_if(running_, [&](const auto& one) { return one.second == connection.get(); });
    free_.push_back(std::move(connection));
}

void Connections::watch() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        if (running_.empty()) {
            wake_.wait(lock);
            continue;
        }
        const auto first = running_.begin()->first;
        if (Clock::now() < first) {
            wake_.wait_until(lock, first);
            continue;
        }
        // Again after a moment: between two statements there is nothing to interrupt.
        const auto late = *running_.begin();
        running_.erase(running_.begin());
        late.second->interrupt();
        running_.emplace(Clock::now() + std::chrono::milliseconds(100), late.second);
    }
}

}  // namespace weir::serve

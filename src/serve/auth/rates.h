// How often somebody may ask: a bucket for each that fills up evenly and holds one window's worth.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "declare/serve.h"

namespace weir::serve {

class Rates {
public:
    using Clock = std::chrono::steady_clock;
    explicit Rates(declare::Rate rate) : rate_(rate) {}
    bool limited() const { return rate_.count > 0; }
    const declare::Rate& rate() const { return rate_; }

    struct Taken {
        bool allowed = true;
        std::int64_t remaining = 0;
        std::int64_t seconds = 0;  // until there is one again, or until all are
    };
    Taken take(std::string_view who, Clock::time_point now);
    // Those who are remembered.
    std::size_t size() const {
        const std::lock_guard lock(mutex_);
        return buckets_.size();
    }

private:
    declare::Rate rate_;
    struct Bucket {
        double level = 0;
        Clock::time_point filled;
    };
    mutable std::mutex mutex_;
    Clock::time_point swept_;
    std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace weir::serve

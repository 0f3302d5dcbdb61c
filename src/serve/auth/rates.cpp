#include "serve/auth/rates.h"

#include <algorithm>
#include <cmath>

namespace weir::serve {
namespace {

// Beyond that, those who are full again are forgotten: they are like new ones.
constexpr std::size_t buckets_max = 100'000;

}  // namespace

Rates::Taken Rates::take(std::string_view who, Clock::time_point now) {
    const auto most = static_cast<double>(rate_.count);
    const auto per_second = most / static_cast<double>(rate_.window.count());
    const std::lock_guard lock(mutex_);
    if (buckets_.size() >= buckets_max)
        std::erase_if(buckets_, [&](const auto& one) { return now - one.second.filled >= rate_.window; });
    auto [found, is_new] = buckets_.try_emplace(std::string(who), Bucket{most, now});
    auto& bucket = found->second;
    bucket.level =
        std::min(most, bucket.level + std::chrono::duration<double>(now - bucket.filled).count() * per_second);
    bucket.filled = now;
    const bool allowed = bucket.level >= 1;
    if (allowed) bucket.level -= 1;
    const auto wait = allowed ? (most - bucket.level) / per_second : (1 - bucket.level) / per_second;
    return {allowed, static_cast<std::int64_t>(bucket.level),
            std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(wait)))};
}

}  // namespace weir::serve

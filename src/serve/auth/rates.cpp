#include "serve/auth/rates.h"

#include <algorithm>
#include <cmath>

namespace weir::serve {
namespace {

// Beyond that, those who are full again are forgotten: they are like new ones. That is looked for once a second, and
// where it is not enough, somebody else begins anew: who has very many addresses pays with memory of its own alone.
constexpr std::size_t buckets_max = 100'000;
constexpr auto sweep_every = std::chrono::seconds(1);

}  // namespace

Rates::Taken Rates::take(std::string_view who, Clock::time_point now) {
    const auto most = static_cast<double>(rate_.count);
    const auto per_second = most / static_cast<double>(rate_.window.count());
    const std::lock_guard lock(mutex_);
    if (buckets_.size() >= buckets_max && now - swept_ >= sweep_every) {
        swept_ = now;
        std::erase_if(buckets_, [&](const auto& one) { return now - one.second.filled >= rate_.window; });
    }
    auto found = buckets_.find(std::string(who));
    if (found == buckets_.end()) {
        if (buckets_.size() >= buckets_max) buckets_.erase(buckets_.begin());
        found = buckets_.emplace(std::string(who), Bucket{most, now}).first;
    }
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

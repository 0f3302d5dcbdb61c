// A mutex that is given in the order in which it was asked for, so that who gives it up and wants it again lets others
// in between.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace weir {

class FairMutex {
public:
    void lock() {
        std::unique_lock lock(mutex_);
        const auto turn = next_++;
        served_.wait(lock, [&] { return serving_ == turn; });
    }
    void unlock() {
        {
            const std::lock_guard lock(mutex_);
            ++serving_;
        }
        served_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable served_;
    std::uint64_t next_ = 0, serving_ = 0;  // guarded by mutex_
};

}  // namespace weir

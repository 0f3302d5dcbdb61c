#include "base/fair_mutex.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace weir {
namespace {

TEST(FairMutex, one_at_a_time) {
    FairMutex mutex;
    int count = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&] {
                for (int step = 0; step < 500; ++step) {
                    const std::lock_guard lock(mutex);
                    ++count;
                }
            });
    }
    EXPECT_EQ(count, 2000);
}

TEST(FairMutex, who_takes_it_again_at_once_lets_a_waiting_one_in) {
    FairMutex mutex;
    std::atomic<bool> stop = false, holding = false;
    std::jthread greedy([&] {
        while (!stop) {
            const std::lock_guard lock(mutex);
            holding = true;
        }
    });
    while (!holding) std::this_thread::yield();
    for (int i = 0; i < 100; ++i) const std::lock_guard lock(mutex);  // ends
    stop = true;
}

}  // namespace
}  // namespace weir

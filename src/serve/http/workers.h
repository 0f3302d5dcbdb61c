// Threads for what waits: queries. Bounded in threads and in what may wait for one.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace weir::serve::http {

class Workers {
public:
    Workers(int threads, std::size_t waiting_max);
    // Lets end what runs, and drops what waits.
    ~Workers();
    Workers(const Workers&) = delete;
    // False if too much waits already.
    bool submit(std::function<void()> task);
    std::size_t waiting() const;

private:
    std::size_t waiting_max_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> tasks_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
    void run();
};

}  // namespace weir::serve::http

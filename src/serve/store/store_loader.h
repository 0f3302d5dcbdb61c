// Loads a serving store, which takes long or may be out of reach, on a thread of its own, so that nothing else waits
// for it.
//
//   changed() ──► load ──► good: told if it was not before
//                  ▲  └──► failed: told once, tried again after 1 s, 2 s, 4 s … 30 s, or with the next publication
//                  └────── the store was lost: loaded again, which changes nothing if it has all
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"

namespace weir::serve {

// How long to wait after so many failures in a row.
std::chrono::milliseconds load_pause(int failures);

class StoreLoader {
public:
    struct Options {
        std::function<Status()> load;  // from the loader's thread alone
        std::function<bool()> is_up;
        std::function<void(const std::string&)> note;  // a sentence for the operator
    };
    // Loads at once.
    explicit StoreLoader(Options options);
    // Waits for a load under way: stop it first.
    ~StoreLoader();
    StoreLoader(const StoreLoader&) = delete;

    // There is another publication.
    void changed();
    // Waits until the first load ended, well or not, but no longer than this.
    void wait_for_first(std::chrono::milliseconds most);
    bool first_ended();
    std::uint64_t failures() const { return failures_.load(); }

private:
    const Options options_;
    std::atomic<std::uint64_t> failures_{0};
    // Guarded by mutex_.
    std::mutex mutex_;
    std::condition_variable wake_, first_;
    bool stopping_ = false, behind_ = true, tried_ = false;
    bool another_ = false;  // a publication since the load that is under way or was the last one
    std::thread thread_;

    void run();
};

}  // namespace weir::serve

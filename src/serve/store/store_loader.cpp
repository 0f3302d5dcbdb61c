#include "serve/store/store_loader.h"

#include <algorithm>

namespace weir::serve {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds look_every{1000};  // for a store that was lost
constexpr milliseconds pause_max{30'000};

}  // namespace

milliseconds load_pause(int failures) {
    if (failures <= 0) return milliseconds(0);
    return std::min(pause_max, milliseconds(1000) * (1 << std::min(failures - 1, 5)));
}

StoreLoader::StoreLoader(Options options) : options_(std::move(options)), thread_([this] { run(); }) {}

StoreLoader::~StoreLoader() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

void StoreLoader::changed() {
    {
        const std::lock_guard lock(mutex_);
        behind_ = another_ = true;
    }
    wake_.notify_all();
}

void StoreLoader::wait_for_first(milliseconds most) {
    std::unique_lock lock(mutex_);
    first_.wait_for(lock, most, [this] { return tried_; });
}

bool StoreLoader::first_ended() {
    const std::lock_guard lock(mutex_);
    return tried_;
}

void StoreLoader::run() {
    std::string last_failure;
    int failures = 0;
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        if (!behind_ && options_.is_up()) {
            wake_.wait_for(lock, look_every, [this] { return stopping_ || behind_; });
            continue;
        }
        behind_ = another_ = false;
        lock.unlock();
        auto loaded = options_.load();
        lock.lock();
        tried_ = true;
        first_.notify_all();
        if (stopping_) return;
        if (!loaded && loaded.error().code == ErrorCode::interrupted) {
            wake_.wait(lock, [this] { return stopping_; });
            return;
        }
        if (loaded) {
            if (!last_failure.empty()) options_.note("the serving store is up to date again");
            last_failure.clear();
            failures = 0;
            // Lost again already: by the look-ups meanwhile.
            wake_.wait_for(lock, milliseconds(10), [this] { return stopping_; });
            continue;
        }
        behind_ = true;
        ++failures_;
        ++failures;
        // The same failure is told once, not each time.
        auto text = to_string(loaded.error());
        if (text != last_failure)
            options_.note("the serving store could not be loaded and is tried again; views are served without it: " +
                          text);
        last_failure = std::move(text);
        wake_.wait_for(lock, load_pause(failures), [this] { return stopping_ || another_; });
    }
}

}  // namespace weir::serve

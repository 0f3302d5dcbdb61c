// The speed layer of a running program: keeps what came in since the last run in the states, so that a read of a view
// costs its finish only.
//
//   commits ──► take_in, whenever somebody pokes and a few times a second ──► LiveViews ◄── reads
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "view/speed/live_views.h"

namespace weir::view {

struct SpeedStatus {
    std::int64_t taken_in = 0;         // how often something new was
    std::optional<Time> last;          // when
    std::chrono::microseconds took{};  // the last time
    std::string problem;               // why it does not go on; empty: it does
    StateSizes states;                 // after that
};

class SpeedLayer {
public:
    // Opens a database of the project for itself. `note`: told of failures and recoveries, from a thread of its own.
    static Result<std::unique_ptr<SpeedLayer>> start(const declare::Project& project,
                                                     std::function<void(const Error&)> note);
    ~SpeedLayer();
    SpeedLayer(const SpeedLayer&) = delete;

    // Something was committed. From any thread.
    void poke();
    void stop();

    LiveViews& views() { return *views_; }
    sql::Database& database() { return database_; }
    SpeedStatus status() const;

private:
    SpeedLayer(sql::Database database, std::function<void(const Error&)> note)
        : database_(std::move(database)), note_(std::move(note)) {}
    void run();

    sql::Database database_;
    const std::function<void(const Error&)> note_;
    std::optional<lake::Lake> lake_;
    SystemClock clock_;
    std::unique_ptr<LiveViews> views_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    // Guarded by mutex_.
    bool stopping_ = false, poked_ = false;
    SpeedStatus status_;
    std::thread thread_;
};

}  // namespace weir::view

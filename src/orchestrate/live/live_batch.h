// The batch layer of a running program: what is due is run and published, again and again.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "orchestrate/run.h"

namespace weir::orchestrate {

struct BatchStatus {
    std::int64_t runs = 0, failed = 0;
    std::string run_id;                // of the last one; empty: it did not begin
    std::optional<Time> last;          // when the last one ended
    std::chrono::milliseconds took{};  // the last one
    bool running = false;
    std::string problem;  // of the last one; empty: it went well
};

class LiveBatch {
public:
    // A run begins at once, and again `every` after the last one began, or as soon as that is over. `request` says what
    // is run. `note`: told of failures and the run's id, from a thread of its own. All references outlive it.
    using Note = std::function<void(const Error&, const std::string& run_id)>;
    LiveBatch(const Workplace& at, Ledger& ledger, RunRequest request, std::chrono::milliseconds every, Note note);
    ~LiveBatch();
    LiveBatch(const LiveBatch&) = delete;

    void start();
    // Lets the run that is under way end.
    void stop();
    BatchStatus status() const;

private:
    void loop();
    void run_once();

    const Workplace at_;
    Ledger& ledger_;
    const RunRequest request_;
    const std::chrono::milliseconds every_;
    const Note note_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    // Guarded by mutex_.
    bool stopping_ = false;
    BatchStatus status_;
    std::thread thread_;
};

}  // namespace weir::orchestrate

#include "orchestrate/live/live_batch.h"

#include "base/thread_name.h"
#include "base/without_exceptions.h"

namespace weir::orchestrate {

LiveBatch::LiveBatch(const Workplace& at, Ledger& ledger, RunRequest request, std::chrono::milliseconds every,
                     Note note)
    : at_(at), ledger_(ledger), request_(std::move(request)), every_(every), note_(std::move(note)) {}

LiveBatch::~LiveBatch() { stop(); }

void LiveBatch::start() {
    thread_ = std::thread([this] { loop(); });
}

void LiveBatch::loop() {
    name_thread("batch");
    auto next = std::chrono::steady_clock::now();
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            if (wake_.wait_until(lock, next, [this] { return stopping_; })) return;
            status_.running = true;
        }
        const auto begin = std::chrono::steady_clock::now();
        run_once();
        next = std::max(begin + every_, std::chrono::steady_clock::now());
    }
}

void LiveBatch::run_once() {
    const auto begin = std::chrono::steady_clock::now();
    std::string run_id;
    const auto result = without_exceptions([&]() -> Status {
        WEIR_ASSIGN(const auto done, run(at_, ledger_, request_));
        run_id = done.run_id;
        if (done.first_error) return *done.first_error;
        return ok();
    });
    std::string problem;
    if (!result) problem = to_string(result.error());
    bool told = false;
    {
        const std::lock_guard lock(mutex_);
        ++status_.runs;
        status_.failed += result ? 0 : 1;
        status_.running = false;
        status_.run_id = run_id;
        status_.last = at_.clock.now();
        status_.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
        // The same failure is told once.
        told = problem == status_.problem;
        status_.problem = problem;
    }
    if (!result && !told) note_(result.error(), run_id);
}

void LiveBatch::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
}

BatchStatus LiveBatch::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

}  // namespace weir::orchestrate

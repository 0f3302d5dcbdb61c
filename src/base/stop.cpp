#include "base/stop.h"

#include <csignal>

#include <atomic>

namespace weir {
namespace {
std::atomic<bool> stopping{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void on_signal(int number) {
    // The second signal ends the process at once.
    if (stopping.exchange(true)) {
        std::signal(number, SIG_DFL);
        std::raise(number);
    }
}
}  // namespace

void stop_on_signals() {
    std::signal(SIGINT, on_signal);
    std::signal(SIGTERM, on_signal);
    std::signal(SIGPIPE, SIG_IGN);
}

bool stop_requested() { return stopping.load(std::memory_order_relaxed); }
void request_stop() { stopping.store(true); }

}  // namespace weir

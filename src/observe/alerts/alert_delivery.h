// Messages to their targets, one thread a target: in their order, and again until they are taken or given up.
//
//   waiting ──► 2xx ─────────────────────────► delivered
//      ▲  │
//      │  ├───► 408, 425, 429, 5xx, no answer ► waiting, 1 s, 2 s, 4 s, … 5 min later; given up after `retries`
//      └──┘───► any other answer ─────────────► given up: it would be the same again
//
// A message is deleted after its answer came, so one may come twice, with the same id; none is lost by a crash.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "declare/alerts.h"
#include "observe/alerts/alert_store.h"
#include "observe/alerts/http_post.h"

namespace weir::observe {

// How long until a message is tried again that failed so often; 1 is the first.
std::chrono::milliseconds retry_after(int failures);

enum class Answer { taken, later, never };
Answer answer_of(int http_status);

class AlertDelivery {
public:
    // Reads the targets' secrets; fails where one is missing or no address. `root` is the project's. `note` is told of
    // what goes wrong, from threads of its own.
    static Result<std::unique_ptr<AlertDelivery>> start(const std::vector<declare::AlertTarget>& targets,
                                                        const std::filesystem::path& root,
                                                        const std::filesystem::path& store,
                                                        std::function<void(const std::string&)> note);
    ~AlertDelivery();
    AlertDelivery(const AlertDelivery&) = delete;

    // There may be new messages.
    void poke();
    // What waits, waits for the next start.
    void stop();

private:
    struct Target {
        std::string name;
        WebAddress address;
        std::string header;
        std::string authorities;
        std::chrono::milliseconds timeout{};
        int retries = 0;
    };
    explicit AlertDelivery(std::function<void(const std::string&)> note) : note_(std::move(note)) {}
    void run(const Target& target, AlertStore& store);
    // How long to wait for the next one.
    Result<std::chrono::milliseconds> deliver_next(const Target& target, AlertStore& store);
    bool stopping() const;

    const std::function<void(const std::string&)> note_;
    std::vector<Target> targets_;
    std::vector<AlertStore> stores_;  // one a target
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    // Guarded by mutex_.
    bool stopping_ = false;
    std::uint64_t poked_ = 0;
    std::vector<std::thread> threads_;
};

}  // namespace weir::observe

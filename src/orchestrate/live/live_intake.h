// Continuous intake: the topics of all sources that read one, in epochs, by one thread.
//
//            ┌── take (a thread of its own, bounded) ──┐
//   source ──┤                                         ├── land: one commit ── on_epoch ── next source
//            └── while the source before it lands ─────┘            │
//                                                                   └── once a second: weir.accounting and the others
//
//   A source's epoch ends with `rows` or `bytes`, or when `epoch` has passed since the last one. What is not taken
//   stays in its topic: nothing queues but the stretch that lands and the one that is read meanwhile.
//
//   failing source   retried   with growing pauses where trying again may help (disk full, topic not there yet)
//                    resumed   where another process of a Kafka group landed a partition first: from where the table is
//                    stopped   where it does not (poison, damage, offsets gone): told, the others go on
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "orchestrate/intake/topic_intake.h"
#include "orchestrate/live/epochs.h"
#include "orchestrate/live/lag_clock.h"
#include "orchestrate/lock.h"
#include "source/log/server.h"

namespace weir::orchestrate {

struct SourceStatus : RowCounts {
    enum class State { waiting, running, retrying, stopped };
    std::string source, topic;
    State state = State::waiting;
    std::int64_t epochs = 0;     // committed by this process
    std::int64_t epoch = 0;      // the number of the newest of them, as weir.accounting has it; 0: none
    std::int64_t lag = 0;        // messages in the topic that are not landed
    LagClock partitions;         // the same by partition, of those that are read here
    std::int64_t bytes = 0;      // of the messages that were read
    double landing_seconds = 0;  // spent on landing them
    observe::EventDelays delays;
    std::string problem;  // waiting, retrying, stopped

    // What waits, by partition, now.
    void look(const std::map<int, std::int64_t>& messages, Time now);
};
std::string_view to_string(SourceStatus::State state);

class LiveIntake {
public:
    // `note`: told of failures and recoveries, a sentence each, from the intake's thread. All references outlive it,
    // and nobody else uses the database.
    LiveIntake(const Workplace& at, std::string run_id, std::function<void(const Error&)> note);
    ~LiveIntake();
    LiveIntake(const LiveIntake&) = delete;

    // Before start(). Listeners outlive the intake.
    void listen(EpochListener& listener) { listeners_.push_back(&listener); }

    // Makes the tables that are not there yet, so that views over them are empty and not wrong.
    Status start();
    // Finishes the epoch that lands, and leaves the rest in the log.
    void stop();
    // The error of the last source that stopped, when none goes on.
    Status failed() const;
    std::vector<SourceStatus> sources() const;

private:
    struct Feed;
    void run();
    // Lands what is there; whether the source has more at once.
    bool step(Feed& feed);
    void begin_take(Feed& feed);
    void fail(Feed& feed, Error error);
    void tell_obstacle(Feed& feed, const Status& obstacle);
    void tell(const declare::Source& source, const Taken& taken);
    Status open(Feed& feed);
    void keep_accounts();
    void account();
    bool stopping() const;
    void own_log();
    void keep_tables();

    const Workplace at_;
    const std::string run_id_;
    const std::function<void(const Error&)> note_;
    std::vector<EpochListener*> listeners_;
    std::vector<std::unique_ptr<Feed>> feeds_;

    // The log's owner, while we are it.
    std::unique_ptr<source::log::Log> log_;
    std::unique_ptr<source::log::Server> server_;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    // Guarded by mutex_.
    bool stopping_ = false;
    std::vector<SourceStatus> status_;
    std::optional<Error> all_stopped_;

    std::thread intake_, owner_, keeper_, accountant_;
};

}  // namespace weir::orchestrate

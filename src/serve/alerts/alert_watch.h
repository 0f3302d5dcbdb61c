// Looks at a project's alerts, again and again, and tells who is to be told.
//
//   views, weir.* ──► rows, where something changed ──► step() ──► AlertStore ──► log, AlertDelivery ──► targets
//
// An alert that is due is run only if what it reads is of another version than at its last look, or if it asks for the
// time; its states go on in any case. Views are read up to the newest commits where the speed layer runs, else as they
// were published last.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/limits.h"
#include "base/result.h"
#include "declare/project.h"
#include "observe/alerts/alert_delivery.h"
#include "observe/alerts/alert_query.h"
#include "observe/alerts/alert_store.h"
#include "serve/read/batch_reads.h"
#include "serve/read/connections.h"
#include "serve/read/system_reads.h"
#include "view/speed/speed_layer.h"

namespace weir::serve {

struct AlertWatchOptions {
    const declare::Project* project = nullptr;     // outlives the watch
    view::SpeedLayer* speed = nullptr;             // nothing: views as they were published
    std::function<Result<std::string>()> runs;     // weir.runs as a relation in SQL
    std::function<std::string()> parts;            // what the parts say of themselves, a JSON object
    std::function<void(const std::string&)> note;  // a sentence for the operator: what is told, and what goes wrong
};

struct AlertWatchStatus {
    std::int64_t alerts = 0, firing = 0, pending = 0, failing = 0;  // failing: could not be looked at
    std::int64_t looks = 0;                                         // at alerts that were due
    std::int64_t run = 0;                                           // of them those whose SELECT was run
    std::optional<Time> last;
};

class AlertWatch {
public:
    static Result<std::unique_ptr<AlertWatch>> start(AlertWatchOptions options);
    ~AlertWatch();
    AlertWatch(const AlertWatch&) = delete;
    void stop();
    AlertWatchStatus status() const;

private:
    struct Watched {
        const declare::AlertRule* rule = nullptr;
        std::optional<observe::AlertQuery> query;
        std::string bad_text;  // why there is no query
        std::chrono::steady_clock::time_point due;
        std::string versions;  // of what its last rows came from
        std::optional<observe::AlertRows> rows;
        std::vector<observe::AlertInstance> instances;
        std::string problem;  // that was told
    };
    explicit AlertWatch(AlertWatchOptions options) : options_(std::move(options)) {}
    Status open();
    Status forget_undeclared();
    void loop();
    using Silences = std::vector<observe::AlertSilence>;
    // What the looks of a round have in common.
    Result<Silences> begin_round();
    void look(Watched& watched, const Result<Silences>& silences);
    Status look_at(Watched& watched, const Silences& silences, Time now);
    // A relation that an alert reads, and what names its rows.
    struct Read {
        std::string relation, version;
        std::shared_ptr<const void> held;  // what must live as long as the relation is used
    };
    // What a rule reads, by name; its views all of one moment.
    Result<std::map<std::string, Read>> reads_of(const declare::AlertRule& rule);
    // Runs its SELECT if it has to be.
    Status read_rows(Watched& watched, Time now);
    Status record(const std::string& alert, std::string_view severity, const std::string& problem,
                  const observe::AlertStep& made, const std::vector<std::string>& targets, Time now);
    Result<std::string> watermarks() const;

    const AlertWatchOptions options_;
    SystemClock clock_;
    FileHandle lock_;
    std::unique_ptr<BatchReads> batch_;
    std::unique_ptr<SystemReads> system_;
    std::unique_ptr<Connections> connections_;
    std::optional<observe::AlertStore> store_;
    std::unique_ptr<observe::AlertDelivery> delivery_;
    std::vector<Watched> watched_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    // Guarded by mutex_.
    bool stopping_ = false;
    AlertWatchStatus status_;
    std::thread thread_;
};

}  // namespace weir::serve

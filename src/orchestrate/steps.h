// The steps of a run as they go by: told to the observer, written to the ledger, collected for the caller.
#pragma once

#include <mutex>
#include <set>

#include "orchestrate/run.h"

namespace weir::orchestrate {

// Several threads may run steps.
class Steps {
public:
    Steps(const Workplace& at, Ledger& ledger, std::string run_id) : at_(at), ledger_(ledger) {
        result_.run_id = std::move(run_id);
    }
    const std::string& run_id() const { return result_.run_id; }

    // What the ledger keeps of a step beside how it ended.
    struct Kept {
        std::string fingerprint, basis;
    };
    // Runs one step. `work(step, kept)` fills the result; an Error ends the step, not the run, unless it was a stop.
    template <class Work>
    Status run(StepResult step, Work work) {
        WEIR_ASSIGN(const auto id, begin(step));
        Kept kept;
        const Status status = work(step, kept);
        if (!status) {
            step.state = StepState::failed;
            step.error = status.error();
        }
        return end(id, std::move(step), kept);
    }
    // A step without work: nothing is told.
    void add(StepResult step);

    bool failed(const std::string& node) const;
    bool any_failed() const;
    // What the ledger knows from earlier runs; empty where nothing.
    Result<std::string> fingerprint(const std::string& view, Day day) const;
    Result<std::string> basis(const std::string& view) const;
    Result<std::string> exported(const std::string& file) const;

    // Views end in any order; in the result they stand by day, then in the project's order.
    void order_views();
    RunResult take() { return std::move(result_); }

private:
    Result<std::int64_t> begin(const StepResult& step);
    Status end(std::int64_t id, StepResult step, const Kept& kept);

    const Workplace& at_;
    mutable std::mutex mutex_;
    // Guarded by mutex_; the observer too.
    Ledger& ledger_;
    RunResult result_;
    std::set<std::string> failed_;
};

}  // namespace weir::orchestrate

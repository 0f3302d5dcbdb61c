// What is due, and doing it: sources first, then each due day of each view in the order of their dependencies.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "orchestrate/due.h"
#include "orchestrate/intake/source_plan.h"
#include "orchestrate/intake/workplace.h"
#include "orchestrate/ledger.h"

namespace weir::orchestrate {

struct RunRequest {
    std::optional<Interval> interval;  // none: everything that is due
    std::vector<std::string> only;     // names of sources and views; empty: all
    bool full = false;                 // views are computed from all rows again, and their states built anew
    // Files to write instead of the project's exports.
    std::optional<std::vector<declare::Export>> files{};
    // Sources that somebody else in this process takes in meanwhile.
    std::set<std::string> taken_in_elsewhere{};
};

// Fails with not_found on a name in `only` that is neither, suggesting the nearest.
Status check_request(const declare::Project& project, const RunRequest& request);

// The views of the project's replay, with the sources that they rest on, written to `directory` as CSV files. Fails
// where the project declares no replay.
Result<RunRequest> replay_request(const declare::Project& project, const std::filesystem::path& directory);

struct PlannedView {
    const declare::View* view = nullptr;
    Day day;
    Due due = Due::up_to_date;
};

struct Plan {
    std::vector<SourcePlan> sources;
    std::vector<PlannedView> views;  // up-to-date ones included; days ascending, dependencies first
};

// Looks, changes nothing. What the sources will bring counts as changed input of the views that read them.
Result<Plan> plan(const Workplace& at, const Ledger& ledger, const RunRequest& request);

struct StepResult {
    StepKind kind;
    std::string node;
    std::optional<Day> day;
    StepState state = StepState::done;
    std::string reason;
    std::int64_t files = 0, read = 0, rows = 0, duplicate = 0, quarantined = 0, filtered = 0;
    std::int64_t late = 0;  // of the rows
    std::vector<std::string> warnings;
    std::optional<Error> error;
};

struct RunResult {
    std::string run_id;
    std::vector<StepResult> steps;
    std::optional<Error> first_error;  // other steps went on where they could
};

// The caller holds the lake's lock. A step that fails leaves what was there; views that rest on a failed source or view
// are not computed.
Result<RunResult> run(const Workplace& at, Ledger& ledger, const RunRequest& request);

}  // namespace weir::orchestrate

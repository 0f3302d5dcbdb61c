#include "orchestrate/steps.h"

#include <algorithm>
#include <map>

#include "base/stop.h"

namespace weir::orchestrate {

Result<std::int64_t> Steps::begin(const StepResult& step) {
    if (stop_requested()) return Error{.code = ErrorCode::interrupted, .message = "stopped; what was committed stands"};
    const std::lock_guard lock(mutex_);
    WEIR_ASSIGN(const auto id, ledger_.begin({.run_id = result_.run_id,
                                              .kind = step.kind,
                                              .node = step.node,
                                              .interval_from = step.day,
                                              .started_at = at_.clock.now(),
                                              .reason = step.reason}));
    at_.observer.tell(observe::StepStarted{.kind = std::string(to_string(step.kind)),
                                           .node = step.node,
                                           .interval = step.day ? weir::to_string(*step.day) : std::string(),
                                           .reason = step.reason,
                                           .id = id});
    return id;
}

Status Steps::end(std::int64_t id, StepResult step, const Kept& kept) {
    const std::lock_guard lock(mutex_);
    if (step.error) {
        if (!result_.first_error) result_.first_error = step.error;
        if (step.kind != StepKind::export_file) failed_.insert(step.node);
    }
    WEIR_TRY(ledger_.finish({.id = id,
                             .state = step.state,
                             .finished_at = at_.clock.now(),
                             .rows = step.rows,
                             .reason = step.reason,
                             .error = step.error ? step.error->message : "",
                             .fingerprint = kept.fingerprint,
                             .basis = kept.basis}));
    at_.observer.tell(observe::StepDone{.state = std::string(to_string(step.state)),
                                        .rows = step.rows,
                                        .duplicate = step.duplicate,
                                        .quarantined = step.quarantined,
                                        .filtered = step.filtered,
                                        .note = step.error ? step.error->message : "",
                                        .id = id});
    const bool interrupted = step.error && step.error->code == ErrorCode::interrupted;
    result_.steps.push_back(std::move(step));
    if (interrupted) return *result_.steps.back().error;
    return ok();
}

void Steps::add(StepResult step) {
    const std::lock_guard lock(mutex_);
    if (step.state == StepState::failed) failed_.insert(step.node);
    result_.steps.push_back(std::move(step));
}

bool Steps::failed(const std::string& node) const {
    const std::lock_guard lock(mutex_);
    return failed_.contains(node);
}

bool Steps::any_failed() const {
    const std::lock_guard lock(mutex_);
    return !failed_.empty();
}

Result<std::string> Steps::fingerprint(const std::string& view, Day day) const {
    const std::lock_guard lock(mutex_);
    return ledger_.fingerprint(view, day);
}

Result<std::string> Steps::basis(const std::string& view) const {
    const std::lock_guard lock(mutex_);
    return ledger_.basis(view);
}

Result<std::string> Steps::exported(const std::string& file) const {
    const std::lock_guard lock(mutex_);
    return ledger_.exported(file);
}

void Steps::order_views() {
    const std::lock_guard lock(mutex_);
    std::map<std::string, std::size_t> place;
    for (const auto& view : at_.project.views) place.emplace(view.name, place.size());
    const auto first = std::find_if(result_.steps.begin(), result_.steps.end(),
                                    [](const StepResult& step) { return step.kind == StepKind::view; });
    std::stable_sort(first, result_.steps.end(), [&](const StepResult& a, const StepResult& b) {
        return a.day != b.day ? a.day < b.day : place[a.node] < place[b.node];
    });
}

}  // namespace weir::orchestrate

#include "orchestrate/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "base/nearest.h"
#include "base/without_exceptions.h"
#include "orchestrate/intake/intake.h"
#include "orchestrate/intake/landing.h"
#include "orchestrate/intake/topic_intake.h"
#include "orchestrate/lock.h"
#include "orchestrate/publication.h"
#include "orchestrate/publish.h"
#include "orchestrate/steps.h"
#include "orchestrate/view_groups.h"
#include "sink/export.h"
#include "view/batch/duckdb/duckdb_engine.h"
#include "view/batch/interval_batch.h"
#include "view/batch/state_store.h"
#include "view/session.h"

namespace weir::orchestrate {
namespace {

using declare::View;

bool selected(const RunRequest& request, const std::string& name) {
    return request.only.empty() || std::any_of(request.only.begin(), request.only.end(), [&](const std::string& only) {
               return equal_ignoring_case(only, name);
           });
}

Interval whole_day(Day day) { return {day, day + std::chrono::days{1}}; }

// The days on which something arrived, by table.
using ArrivalDays = std::map<std::string, std::set<Day>>;

Result<ArrivalDays> arrival_days(const Workplace& at) {
    ArrivalDays days;
    WEIR_ASSIGN(const auto table, at.lake.table("weir/files"));
    WEIR_ASSIGN(const auto snapshot, table.newest());
    if (!snapshot) return days;
    WEIR_ASSIGN(const auto scan, table.scan(*snapshot, {.columns = {"source", "arrival_date"}}));
    WEIR_ASSIGN(auto connection, at.database.connect());
    WEIR_ASSIGN(const auto rows, connection.query("SELECT DISTINCT source, arrival_date FROM " + scan.relation));
    for (std::size_t row = 0; row < rows.row_count(); ++row) {
        if (const auto* source = at.project.source(rows.text(row, 0)))
            days[source->table].insert(Day{std::chrono::days{rows.integer(row, 1)}});
    }
    return days;
}

std::set<Day> days_of_view(const Workplace& at, const View& view, const ArrivalDays& arrivals) {
    std::set<Day> days;
    for (const auto& table : view::base_tables(at.project, view)) {
        if (const auto found = arrivals.find(table); found != arrivals.end())
            days.insert(found->second.begin(), found->second.end());
    }
    return days;
}

struct ViewDays {
    const View* view;
    PublishedResults published;
    std::vector<Day> days;
    std::optional<Error> damaged;  // why its stored result cannot be looked at
};

// A stored result is derived: what cannot be read of it can be computed again.
std::string computed_again(const std::string& why) { return "its stored result is computed again: " + why; }

Result<std::vector<ViewDays>> days_of_views(const Workplace& at, const RunRequest& request,
                                            const ArrivalDays& arrivals) {
    const auto today = std::chrono::floor<std::chrono::days>(at.clock.now());
    std::set<Day> all;
    for (const auto& [table, days] : arrivals) all.insert(days.begin(), days.end());
    std::vector<ViewDays> result;
    for (const auto& view : at.project.views) {
        if (!selected(request, view.name) || view.keep == View::Keep::none) continue;
        auto found = published_results(at, view);
        std::optional<Error> damaged;
        PublishedResults published;
        if (found) {
            published = std::move(*found);
        } else {
            damaged = std::move(found).error();
            if (damaged->code != ErrorCode::table_damaged) return std::move(*damaged);
            damaged->hint = fmt::format("`weir run --full --view {}` computes the result again", view.name);
        }
        const auto with_data = days_of_view(at, view, arrivals);
        // A view over nothing but system tables follows the days of the whole lake.
        auto days =
            result_days(view.keep, request.interval, with_data.empty() ? all : with_data, published.days, today);
        result.push_back({&view, std::move(published), std::move(days), std::move(damaged)});
    }
    return result;
}

std::string known_fingerprint(const Ledger& ledger, const ViewDays& view, Day day) {
    if (!view.published.days.contains(day)) return {};
    const auto known = ledger.fingerprint(view.view->name, day);
    return known ? *known : std::string();
}

}  // namespace

Status check_request(const declare::Project& project, const RunRequest& request) {
    std::vector<std::string> names;
    for (const auto& source : project.sources) names.push_back(source.name);
    for (const auto& view : project.views) names.push_back(view.name);
    for (const auto& only : request.only) {
        const bool known = std::any_of(names.begin(), names.end(),
                                       [&](const std::string& name) { return equal_ignoring_case(name, only); });
        if (!known)
            return Error{.code = ErrorCode::not_found,
                         .message = fmt::format("the project has no source and no view '{}'", only),
                         .hint = suggest(only, names)};
    }
    return ok();
}

Result<RunRequest> replay_request(const declare::Project& project, const std::filesystem::path& directory) {
    if (project.replay.empty())
        return Error{.code = ErrorCode::usage,
                     .message = fmt::format("project {} declares no replay", project.name),
                     .hint = "`replay:` in serve.yaml lists its views; `weir export` writes any result"};
    RunRequest request{.files = std::vector<declare::Export>()};
    std::set<std::string> tables;
    for (const auto& file : project.replay) {
        tables.merge(view::base_tables(project, *project.view(file.view)));
        request.only.push_back(file.view);
        request.files->push_back({.view = file.view,
                                  .format = "csv",
                                  .path = (directory / (file.name + ".csv")).string(),
                                  .where = file.where});
    }
    for (const auto& source : project.sources)
        if (tables.contains(source.table)) request.only.push_back(source.name);
    return request;
}

Result<Plan> plan(const Workplace& at, const Ledger& ledger, const RunRequest& request) {
    WEIR_TRY(check_request(at.project, request));
    Plan result;
    WEIR_ASSIGN(auto arrivals, arrival_days(at));
    std::map<std::string, Day> first_change;  // by table
    for (const auto& source : at.project.sources) {
        if (!selected(request, source.name)) continue;
        WEIR_ASSIGN(auto planned, plan_source(at, source, request.interval));
        for (const auto day : planned.days()) {
            arrivals[source.table].insert(day);
            const auto [entry, added] = first_change.emplace(source.table, day);
            if (!added) entry->second = std::min(entry->second, day);
        }
        result.sources.push_back(std::move(planned));
    }
    // All days see a reference table whole.
    const auto reference = [&](const std::string& table) {
        return std::any_of(at.project.sources.begin(), at.project.sources.end(),
                           [&](const auto& source) { return source.table == table && source.reference; });
    };
    WEIR_ASSIGN(const auto views, days_of_views(at, request, arrivals));
    std::map<Day, view::IntervalBatch> batches;
    const auto tables = std::make_shared<view::PinnedTables>(at.lake);
    for (const auto& view : views) {
        if (view.damaged) return *view.damaged;
        for (const auto day : view.days) {
            auto batch = batches.find(day);
            if (batch == batches.end()) {
                WEIR_ASSIGN(auto opened,
                            view::IntervalBatch::open(at.lake, at.database, at.project, whole_day(day), tables));
                batch = batches.emplace(day, std::move(opened)).first;
            }
            WEIR_ASSIGN(auto inputs, batch->second.inputs_hash(*view.view));
            auto due = judge_result(known_fingerprint(ledger, view, day),
                                    {view::text_hash(at.project, *view.view), inputs, view.published.restores});
            if (due == Due::up_to_date) {
                for (const auto& table : view::base_tables(at.project, *view.view)) {
                    // An intake also writes to the system tables.
                    const bool changes =
                        table.starts_with("weir/")
                            ? std::any_of(first_change.begin(), first_change.end(),
                                          [&](const auto& change) { return change.second <= day; })
                            : first_change.contains(table) && (reference(table) || first_change.at(table) <= day);
                    if (changes) due = Due::inputs_changed;
                }
            }
            result.views.push_back({view.view, day, due});
        }
    }
    std::stable_sort(result.views.begin(), result.views.end(),
                     [](const PlannedView& a, const PlannedView& b) { return a.day < b.day; });
    return result;
}

namespace {

// "3 new files", "1 new file, 2 unchanged", "no files".
std::string files_text(const SourcePlan& planned) {
    std::string text;
    const auto add = [&](std::int64_t number, std::string_view what) {
        if (number == 0) return;
        if (text.empty())
            text = fmt::format("{} {} file{}", number, what, number == 1 ? "" : "s");
        else
            text += fmt::format(", {} {}", number, what);
    };
    add(planned.files_new(), "new");
    add(planned.grown, "grown");
    add(static_cast<std::int64_t>(planned.changed.size()), "changed");
    add(planned.unchanged, "unchanged");
    add(planned.outside, "outside the interval");
    return text.empty() ? "no files" : text;
}

class Runner {
public:
    Runner(const Workplace& at, Ledger& ledger, const RunRequest& request, std::string run_id)
        : at_(at), request_(request), steps_(at, ledger, std::move(run_id)) {}

    Result<RunResult> run() {
        at_.observer.tell(observe::RunStarted{.run_id = steps_.run_id(), .project = at_.project.name});
        for (const auto& source : at_.project.sources) WEIR_TRY(complete(source));
        for (const auto& source : at_.project.sources) {
            if (is_ours(source) && selected(request_, source.name) && !steps_.failed(source.name))
                WEIR_TRY(run_source(source));
        }
        WEIR_TRY(run_views());
        // Results of a run in which something failed are not served: readers would see two runs mixed.
        if (!steps_.any_failed() && !up_to_date_.empty()) {
            WEIR_ASSIGN(publication_, publish_results(at_, *tables_, steps_.run_id(), up_to_date_));
        } else {
            WEIR_ASSIGN(publication_, view::newest_publication(at_.lake, at_.database));
        }
        if (request_.files)
            WEIR_TRY(write_files(*request_.files));
        else if (request_.only.empty())
            WEIR_TRY(write_files(at_.project.exports));
        auto result = steps_.take();
        std::int64_t rows = 0;
        for (const auto& step : result.steps) rows += step.rows;
        at_.observer.tell(
            observe::RunDone{.run_id = result.run_id, .failed = result.first_error.has_value(), .rows = rows});
        return result;
    }

private:
    bool is_ours(const declare::Source& source) const { return !request_.taken_in_elsewhere.contains(source.name); }

    // What landed and is not accounted for yet, as after a crash; a table that cannot be completed stops its own source
    // only.
    Status complete(const declare::Source& source) {
        const auto completed = [&]() -> Status {
            WEIR_TRY(complete_follow_ups(at_, source.table, intake_app(source.name)));
            return complete_follow_ups(at_, source.table, replay_app(source.name));
        }();
        // Those of a source that is taken in elsewhere are completed there too, and told if they cannot be.
        if (completed || !is_ours(source)) return ok();
        return steps_.run(
            {.kind = StepKind::source, .node = source.name, .day = std::nullopt, .reason = "completes its last run"},
            [&](StepResult&, Steps::Kept&) -> Status { return completed.error(); });
    }

    Status run_topic(const declare::Source& source) {
        return steps_.run({.kind = StepKind::source,
                           .node = source.name,
                           .day = std::nullopt,
                           .reason = fmt::format("reads topic {}", source.topic)},
                          [&](StepResult& step, Steps::Kept&) { return read_topic(source, step); });
    }

    Status read_topic(const declare::Source& source, StepResult& step) {
        // The members of its group take in a topic of Kafka; nobody reads it beside them.
        std::optional<Result<SourceLock>> alone;
        if (source.kafka) {
            alone.emplace(SourceLock::take(at_.project.lake, source.name, SourceLock::Mode::alone));
            if (!*alone && alone->error().code == ErrorCode::lake_locked) {
                step.state = StepState::unchanged;
                step.reason = fmt::format("topic {} is taken in by `weir up`", source.topic);
                return ok();
            }
            if (!*alone) return alone->error();
        }
        Taken taken;
        auto drained = drain_topic(at_, source, steps_.run_id(), taken);
        step.state = taken.version < 0 ? StepState::unchanged : StepState::done;
        step.reason = fmt::format("{}topic {}", taken.version < 0 && drained ? "nothing new in " : "", source.topic);
        tell(step, std::move(taken));
        return drained;
    }

    static void tell(StepResult& step, Taken taken) {
        step.files = taken.files;
        step.read = taken.read;
        step.rows = taken.accepted;
        step.duplicate = taken.duplicate;
        step.quarantined = taken.quarantined;
        step.filtered = taken.filtered;
        step.late = taken.late;
        step.warnings = std::move(taken.warnings);
    }

    Status run_source(const declare::Source& source) {
        if (!source.topic.empty()) return run_topic(source);
        return steps_.run(
            {.kind = StepKind::source, .node = source.name, .day = std::nullopt, .reason = "looks for new files"},
            [&](StepResult& step, Steps::Kept&) -> Status {
                WEIR_ASSIGN(const auto planned, plan_source(at_, source, request_.interval));
                step.reason = files_text(planned);
                WEIR_ASSIGN(auto taken, take_in(at_, planned, steps_.run_id()));
                step.state = planned.take.empty() ? StepState::unchanged : StepState::done;
                tell(step, std::move(taken));
                return ok();
            });
    }

    // The failed source or view that a view rests on, if there is one.
    std::string blocked_by(const View& view) {
        for (const auto& table : view::base_tables(at_.project, view)) {
            for (const auto& source : at_.project.sources) {
                if (source.table == table && steps_.failed(source.name)) return source.name;
            }
        }
        for (const auto& read : view.reads) {
            if (steps_.failed(read)) return read;
        }
        return {};
    }

    // The states that the selected views no longer trust are thrown away.
    Status drop_states(view::Catalog& catalog, view::StateStore& store) {
        for (const auto& view : at_.project.views) {
            if (!selected(request_, view.name)) continue;
            const auto split = catalog.split(view);
            if (!split) continue;  // told where the view is computed
            for (const auto& state : (*split)->states) WEIR_TRY(store.drop(state));
        }
        return ok();
    }

    // States of texts that no view has any more.
    Status drop_unused_states(view::Catalog& catalog, view::StateStore& store) {
        if (steps_.any_failed() || !request_.only.empty()) return ok();
        std::set<std::string> used;
        for (const auto& view : at_.project.views) {
            const auto split = catalog.split(view);
            if (!split) return ok();
            for (const auto& state : (*split)->states) used.insert(state.name);
        }
        return store.keep_only(used);
    }

    // While views are computed, others may commit: all views see the tables as they are now.
    Status pin_tables() {
        for (const auto& view : at_.project.views)
            for (const auto& name : view::base_tables(at_.project, view)) WEIR_TRY(tables_->table(name));
        return ok();
    }

    Status run_views() {
        WEIR_TRY(pin_tables());
        WEIR_ASSIGN(const auto arrivals, arrival_days(at_));
        WEIR_ASSIGN(const auto views, days_of_views(at_, request_, arrivals));
        std::set<Day> days;
        for (const auto& view : views) {
            days.insert(view.days.begin(), view.days.end());
            up_to_date_.insert(view.view->name);
        }
        if (days.empty()) return ok();
        WEIR_ASSIGN(auto* opened, at_.catalogs.current(at_.lake, at_.project));
        auto& catalog = *opened;
        WEIR_ASSIGN(const auto by_day, catalog.states_by_day());
        view::DuckDbEngine engine(at_.database, catalog.columns_of_states());
        view::StateStore store(at_.lake, tables_, engine, at_.clock);
        const view::States states{catalog, &store, by_day};
        if (request_.full) WEIR_TRY(drop_states(catalog, store));
        const auto groups = groups_of(views);
        for (const auto day : days) WEIR_TRY(run_day(groups, states, day));
        steps_.order_views();
        auto dropped = drop_unused_states(catalog, store);
        catalog.keep();
        return dropped;
    }

    using Group = std::vector<const ViewDays*>;

    // Only what this run looks at.
    std::vector<Group> groups_of(const std::vector<ViewDays>& views) const {
        std::map<std::string_view, const ViewDays*> by_name;
        for (const auto& view : views) by_name.emplace(view.view->name, &view);
        std::vector<Group> groups;
        for (const auto& whole : view_groups(at_.project)) {
            Group group;
            for (const auto* view : whole)
                if (const auto found = by_name.find(view->name); found != by_name.end()) group.push_back(found->second);
            if (!group.empty()) groups.push_back(std::move(group));
        }
        return groups;
    }

    // Side by side on as many threads as the engine has; each has a connection and a batch of its own.
    Status run_day(const std::vector<Group>& groups, const view::States& states, Day day) {
        std::atomic<std::size_t> next = 0;
        std::mutex failing;
        Status failed = ok();
        const auto work = [&] {
            const auto status = without_exceptions([&]() -> Status {
                WEIR_ASSIGN(auto batch,
                            view::IntervalBatch::open(at_.lake, at_.database, at_.project, whole_day(day), tables_));
                for (auto group = next++; group < groups.size(); group = next++) {
                    for (const auto* view : groups[group])
                        if (std::find(view->days.begin(), view->days.end(), day) != view->days.end())
                            WEIR_TRY(run_view(batch, states, *view, day));
                }
                return ok();
            });
            if (status) return;
            next = groups.size();
            const std::lock_guard lock(failing);
            if (failed) failed = status;
        };
        const auto engine = static_cast<std::size_t>(at_.project.engine.threads);
        const auto threads = std::min(engine > 0 ? engine : std::max(1U, std::thread::hardware_concurrency()),
                                      std::min(groups.size(), side_by_side_max));
        {
            std::vector<std::jthread> others;
            for (std::size_t i = 1; i < threads; ++i) others.emplace_back(work);
            work();
        }
        return failed;
    }

    Status run_view(view::IntervalBatch& batch, const view::States& states, const ViewDays& days, Day day) {
        const auto& view = *days.view;
        if (const auto blocked = blocked_by(view); !blocked.empty()) {
            steps_.add({.kind = StepKind::view,
                        .node = view.name,
                        .day = day,
                        .state = StepState::failed,
                        .reason = fmt::format("not computed: '{}' failed; its last result stands", blocked)});
            return ok();
        }
        if (days.damaged && !request_.full) {
            return steps_.run(
                {.kind = StepKind::view, .node = view.name, .day = day, .reason = "cannot be gone on from"},
                [&](StepResult&, Steps::Kept&) -> Status { return *days.damaged; });
        }
        WEIR_ASSIGN(auto inputs, batch.inputs_hash(view));
        const Fingerprint now{view::text_hash(at_.project, view), std::move(inputs), days.published.restores};
        std::string known;
        if (days.published.days.contains(day)) {
            WEIR_ASSIGN(known, steps_.fingerprint(view.name, day));
        }
        const auto due = judge_result(known, now);
        if (due == Due::up_to_date && !request_.full) {
            batch.is_stored(view);
            steps_.add({.kind = StepKind::view,
                        .node = view.name,
                        .day = day,
                        .state = StepState::unchanged,
                        .reason = std::string(to_string(due))});
            return ok();
        }
        const auto reason = due == Due::up_to_date ? std::string("all of it, as asked") : std::string(to_string(due));
        return steps_.run({.kind = StepKind::view, .node = view.name, .day = day, .reason = reason},
                          [&](StepResult& step, Steps::Kept& kept) -> Status {
                              std::optional<view::Basis> then;
                              if (!request_.full && view.keep == View::Keep::latest) {
                                  WEIR_ASSIGN(const auto text, steps_.basis(view.name));
                                  then = view::parse_basis(text);
                              }
                              WEIR_ASSIGN(auto computed, compute(batch, states, view, then));
                              step.warnings = std::move(computed.rebuilt);
                              if (days.damaged) WEIR_TRY(drop_damaged_result(view, step));
                              if (computed.touched)
                                  step.reason += fmt::format("; {} of its keys were touched", *computed.touched);
                              if (computed.appended)
                                  step.reason += fmt::format("; {} rows of new events were added", *computed.appended);
                              WEIR_ASSIGN(const auto published, publish(at_, batch, view, computed));
                              batch.is_stored(view);
                              step.rows = published.rows;
                              kept.fingerprint = to_string(now);
                              if (computed.basis) {
                                  computed.basis->result = published.position;
                                  kept.basis = view::to_string(*computed.basis);
                              }
                              return ok();
                          });
    }

    // Goes on from the stored result where that can be read.
    static Result<view::IntervalBatch::Computed> compute(view::IntervalBatch& batch, const view::States& states,
                                                         const View& view, const std::optional<view::Basis>& then) {
        auto computed = batch.compute(view, states, then);
        if (computed || !then || computed.error().code != ErrorCode::table_damaged) return computed;
        auto whole = batch.compute(view, states);
        if (!whole) return computed;  // it was not the stored result
        whole->rebuilt.push_back(computed_again(computed.error().message));
        return whole;
    }

    // Not before the new result is there to be written.
    Status drop_damaged_result(const View& view, StepResult& step) {
        WEIR_ASSIGN(const auto table, at_.lake.table(view.name));
        const auto newest = table.newest();
        if (newest || newest.error().code != ErrorCode::table_damaged) return ok();
        // What was never published as its result may hold rows of another maker.
        WEIR_ASSIGN(const auto publication, view::newest_publication(at_.lake, at_.database));
        if (!publication.views.contains(view.name)) return newest.error();
        const auto folder = at_.lake.root() / view.name;
        std::error_code error;
        std::filesystem::remove_all(folder, error);
        if (error) return io_error("remove", folder, error.value());
        step.warnings.push_back(computed_again(newest.error().message));
        return ok();
    }

    // Which result of a view a file would hold; empty while there is none.
    std::string result_version(const std::string& view) const {
        const auto published = publication_.views.find(view);
        if (published == publication_.views.end()) return {};
        return fmt::format("{}:{}", published->second.table_id, published->second.table_version);
    }

    // A file is written when it does not hold the newest result, be it that an earlier try failed.
    Status write_files(const std::vector<declare::Export>& files) {
        for (const auto& declared : files) {
            if (steps_.failed(declared.view)) continue;
            const std::filesystem::path file = declared.path;
            const auto version = result_version(declared.view);
            WEIR_ASSIGN(const auto written_version, steps_.exported(file.string()));
            std::error_code ignored;
            if (version.empty() || (version == written_version && std::filesystem::exists(file, ignored))) continue;
            const auto write = [&](StepResult& done, Steps::Kept& kept) -> Status {
                WEIR_ASSIGN(const auto format, sink::parse_format(declared.format));
                WEIR_ASSIGN(auto session, view::Session::open({.lake = at_.project.lake, .project = &at_.project}));
                const auto select = "SELECT * FROM " + sql::quote_name(declared.view);
                WEIR_TRY(session.prepare(select));
                WEIR_ASSIGN(const auto written, sink::export_query(session.connection(), select, format, file,
                                                                   {at_.project.csv_clock_with_space}));
                done.rows = written.rows;
                kept.fingerprint = version;
                return ok();
            };
            WEIR_TRY(
                steps_.run({.kind = StepKind::export_file, .node = declared.view, .reason = file.string()}, write));
        }
        return ok();
    }

    static constexpr std::size_t side_by_side_max = 16;

    const Workplace& at_;
    const RunRequest& request_;
    Steps steps_;
    std::shared_ptr<view::PinnedTables> tables_ = std::make_shared<view::PinnedTables>(at_.lake);
    std::set<std::string> up_to_date_;  // the views that were looked at: as long as none failed, up to date
    view::Publication publication_;     // what readers see
};

}  // namespace

Result<RunResult> run(const Workplace& at, Ledger& ledger, const RunRequest& request) {
    WEIR_TRY(check_request(at.project, request));
    WEIR_ASSIGN(auto run_id, ledger.new_run_id(at.clock.now()));
    return Runner(at, ledger, request, std::move(run_id)).run();
}

}  // namespace weir::orchestrate

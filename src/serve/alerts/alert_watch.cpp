#include "serve/alerts/alert_watch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/without_exceptions.h"
#include "observe/part_facts.h"
#include "observe/system_relation.h"
#include "observe/watermarks.h"
#include "serve/alerts/alert_message.h"

namespace weir::serve {
namespace {

using observe::AlertState;
using observe::AlertStep;
using observe::AlertStore;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A look that takes longer says something about its SELECT.
constexpr milliseconds look_at_most{30'000};
constexpr std::string_view system_prefix = "weir.";

observe::AlertTerms terms_of(const declare::AlertRule& rule) {
    return {.hold = rule.hold, .resolve_after = rule.resolve_after, .repeat = rule.repeat};
}

}  // namespace

Result<std::unique_ptr<AlertWatch>> AlertWatch::start(AlertWatchOptions options) {
    std::unique_ptr<AlertWatch> watch(new AlertWatch(std::move(options)));
    WEIR_TRY(watch->open());
    watch->thread_ = std::thread([raw = watch.get()] { raw->loop(); });
    return watch;
}

Status AlertWatch::open() {
    const auto& project = *options_.project;
    const auto file = AlertStore::file_in(project.lake);
    WEIR_TRY(make_directories(file.parent_path()));
    // Two that look at the same alerts would tell everything twice.
    const auto lock = file.parent_path() / "alerts.lock";
    lock_ = FileHandle(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (!lock_.open()) return io_error("open", lock, errno);
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
        return Error{.code = ErrorCode::lake_locked,
                     .message = fmt::format("another weir looks at the alerts of {}", project.lake.string()),
                     .hint = "name the parts of this one: weir up --only …"};
    WEIR_ASSIGN(batch_, BatchReads::open({.lake = project.lake,
                                          .project = &project,
                                          .database = options_.speed != nullptr ? &options_.speed->database() : nullptr,
                                          .all_views = true}));
    std::map<std::string, SystemReads::Computed> computed{{"watermarks", [this] { return watermarks(); }}};
    if (options_.runs) computed.emplace("runs", options_.runs);
    if (options_.parts)
        computed.emplace("parts", [this]() -> Result<std::string> {
            return observe::system_relation("parts", observe::part_rows(observe::part_facts(options_.parts())));
        });
    system_ = std::make_unique<SystemReads>(batch_->lake(), batch_->database(), std::move(computed));
    connections_ = std::make_unique<Connections>(batch_->database());
    WEIR_ASSIGN(store_, AlertStore::open(file));
    WEIR_ASSIGN(delivery_, observe::AlertDelivery::start(project.alerts.targets, project.root, file, options_.note));
    WEIR_ASSIGN(auto connection, batch_->database().connect());
    const auto now = steady_clock::now();
    for (const auto& rule : project.alerts.rules) {
        Watched watched{.rule = &rule, .due = now};
        auto query = observe::AlertQuery::make(connection, rule, observe::AlertQuery::SystemTables::as_names);
        if (query) {
            watched.query = std::move(*query);
        } else {
            watched.bad_text = to_string(query.error());
        }
        WEIR_ASSIGN(watched.instances, store_->instances(rule.name));
        watched_.push_back(std::move(watched));
    }
    return forget_undeclared();
}

Status AlertWatch::forget_undeclared() {
    WEIR_ASSIGN(const auto known, store_->alerts());
    std::vector<std::string> targets;
    for (const auto& target : options_.project->alerts.targets) targets.push_back(target.name);
    for (const auto& one : known) {
        if (options_.project->alerts.rule(one.alert) != nullptr) continue;
        // Who was told that it began is told that nobody looks at it any more.
        const auto now = clock_.now();
        WEIR_ASSIGN(const auto instances, store_->instances(one.alert));
        WEIR_TRY(record(one.alert, one.severity, "", observe::step({}, instances, {}, false, now), targets, now));
        WEIR_TRY(store_->forget(one.alert));
    }
    return ok();
}

AlertWatch::~AlertWatch() { stop(); }

void AlertWatch::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
    if (delivery_) delivery_->stop();
}

AlertWatchStatus AlertWatch::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

void AlertWatch::loop() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        auto next = steady_clock::time_point::max();
        for (const auto& watched : watched_) next = std::min(next, watched.due);
        wake_.wait_until(lock, next, [this] { return stopping_; });
        if (stopping_) return;
        lock.unlock();
        const auto silences = begin_round();
        for (auto& watched : watched_) {
            if (watched.due > steady_clock::now()) continue;
            {
                const std::lock_guard guard(mutex_);
                if (stopping_) break;
            }
            look(watched, silences);
            // Once for all the looks that were missed.
            watched.due = std::max(watched.due + watched.rule->every, steady_clock::now());
        }
        AlertWatchStatus counts;
        counts.alerts = static_cast<std::int64_t>(watched_.size());
        for (const auto& watched : watched_) {
            counts.failing += watched.problem.empty() ? 0 : 1;
            for (const auto& instance : watched.instances) {
                counts.firing += instance.state == AlertState::firing ? 1 : 0;
                counts.pending += instance.state == AlertState::pending ? 1 : 0;
            }
        }
        lock.lock();
        counts.looks = status_.looks;
        counts.run = status_.run;
        counts.last = clock_.now();
        status_ = counts;
    }
}

Result<AlertWatch::Silences> AlertWatch::begin_round() {
    if (options_.speed == nullptr) WEIR_TRY(batch_->refresh());
    return store_->silences();
}

void AlertWatch::look(Watched& watched, const Result<Silences>& silences) {
    const auto now = clock_.now();
    {
        const std::lock_guard lock(mutex_);
        ++status_.looks;
    }
    const auto done = without_exceptions([&]() -> Status {
        if (!silences) return silences.error();
        return look_at(watched, *silences, now);
    });
    std::string problem;
    if (!done) {
        problem = to_string(done.error());
        // What it was from is not known any more.
        watched.versions.clear();
        static_cast<void>(store_->record_problem({.alert = watched.rule->name,
                                                  .severity = std::string(to_string(watched.rule->severity)),
                                                  .looked_at = now,
                                                  .problem = problem}));
    } else if (watched.rows && watched.rows->more) {
        problem = fmt::format("more than {} instances; the first of them are followed", limits::alert_instances_max);
    }
    // The same problem is told once.
    const bool too_early = !done && done.error().code == ErrorCode::not_found;  // nothing came in yet
    if (!problem.empty() && problem != watched.problem && !too_early)
        options_.note(fmt::format("alert {}: {}", watched.rule->name, problem));
    watched.problem = std::move(problem);
}

Status AlertWatch::look_at(Watched& watched, const Silences& silences, Time now) {
    if (!watched.query)
        return Error{.code = ErrorCode::sql_invalid, .message = "its SELECT cannot be run: " + watched.bad_text};
    WEIR_TRY(read_rows(watched, now));
    const auto& rule = *watched.rule;
    const bool silenced = std::any_of(silences.begin(), silences.end(), [&](const observe::AlertSilence& silence) {
        return silence.alert == rule.name && silence.until > now;
    });
    const auto made = observe::step(terms_of(rule), watched.instances, watched.rows->rows, silenced, now);
    WEIR_TRY(
        record(rule.name, to_string(rule.severity),
               watched.rows->more ? fmt::format("more than {} instances", limits::alert_instances_max) : std::string(),
               made, rule.notify, now));
    watched.instances = made.instances;
    return ok();
}

Result<std::map<std::string, AlertWatch::Read>> AlertWatch::reads_of(const declare::AlertRule& rule) {
    std::map<std::string, Read> reads;
    std::set<std::string> live;
    for (const auto& name : rule.reads) {
        const bool system = name.starts_with(system_prefix);
        if (!system && options_.speed != nullptr) {
            live.insert(name);
            continue;
        }
        Reads& from = system ? static_cast<Reads&>(*system_) : static_cast<Reads&>(*batch_);
        WEIR_ASSIGN(auto pinned, from.pin(system ? name.substr(system_prefix.size()) : name, {}));
        reads.emplace(name, Read{pinned->relation, pinned->version, pinned});
    }
    if (live.empty()) return reads;
    WEIR_ASSIGN(const auto moment, options_.speed->views().read(live));
    for (const auto& name : live) {
        const auto& view = moment.views.at(options_.project->view(name)->name);
        reads.emplace(name, Read{view.table->relation(), view.made_from, view.table});
    }
    return reads;
}

Status AlertWatch::read_rows(Watched& watched, Time now) {
    WEIR_ASSIGN(const auto reads, reads_of(*watched.rule));
    std::string versions;
    for (const auto& [name, read] : reads) versions += name + "=" + read.version + "\n";
    if (!watched.rule->asks_time && watched.rows && versions == watched.versions) return ok();
    WEIR_ASSIGN(auto connection, connections_->borrow(look_at_most));
    for (const auto& [name, read] : reads)
        WEIR_TRY(connection->run(
            fmt::format("CREATE OR REPLACE TEMP VIEW {} AS SELECT * FROM {}", sql::quote_name(name), read.relation)));
    WEIR_TRY(observe::AlertQuery::set_moment(*connection, now));
    auto rows = watched.query->rows(*connection);
    if (!rows) return std::move(rows).error().within(fmt::format("looking at alert '{}'", watched.rule->name));
    watched.rows = std::move(*rows);
    watched.versions = std::move(versions);
    const std::lock_guard lock(mutex_);
    ++status_.run;
    return ok();
}

Status AlertWatch::record(const std::string& alert, std::string_view severity, const std::string& problem,
                          const AlertStep& made, const std::vector<std::string>& targets, Time now) {
    std::vector<AlertStore::Outgoing> outgoing;
    for (const auto& notice : made.notices) {
        const auto body = alert_message(options_.project->name, alert, severity, notice, now);
        for (const auto& target : options_.project->alerts.targets)
            if (std::find(targets.begin(), targets.end(), target.name) != targets.end())
                outgoing.push_back({.target = target.name, .body = body, .most = target.queue});
    }
    WEIR_ASSIGN(
        const int dropped,
        store_->record({.alert = alert, .severity = std::string(severity), .looked_at = now, .problem = problem}, made,
                       outgoing, now));
    for (const auto& notice : made.notices) options_.note(alert_sentence(alert, severity, notice));
    if (dropped > 0)
        options_.note(fmt::format("{} message{} too many wait: the oldest {} dropped", dropped, dropped == 1 ? "" : "s",
                                  dropped == 1 ? "was" : "were"));
    if (!outgoing.empty()) delivery_->poke();
    return ok();
}

Result<std::string> AlertWatch::watermarks() const {
    WEIR_ASSIGN(auto connection, connections_->borrow(look_at_most));
    WEIR_ASSIGN(const auto rows, observe::watermark_rows(batch_->lake(), *connection, *options_.project, clock_.now()));
    return observe::system_relation("watermarks", rows);
}

}  // namespace weir::serve

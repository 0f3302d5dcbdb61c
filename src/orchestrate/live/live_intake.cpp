#include "orchestrate/live/live_intake.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/thread_name.h"
#include "lake/maintain/optimize.h"
#include "orchestrate/intake/landing.h"
#include "orchestrate/intake/landing_settings.h"

namespace weir::orchestrate {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
namespace log = source::log;

// Enough that one bad message among the first few stops nobody, few enough that poison is met soon.
constexpr std::int64_t judged_records_min = 100;
constexpr auto first_pause = 1s, longest_pause = 30s;
constexpr auto upkeep_pause = 2s;
constexpr auto accounts_pause = 1s;
// Files of these sizes are merged with their like, so that no row is rewritten more than a few times.
constexpr std::int64_t small_file_bytes = std::int64_t{4} << 20, file_bytes = std::int64_t{128} << 20;

// Whether the same may go well later without anybody's doing.
bool may_pass(ErrorCode code) {
    switch (code) {
        case ErrorCode::not_found:  // a topic that nobody has made yet
        case ErrorCode::table_conflict:
        case ErrorCode::lake_locked:
        case ErrorCode::io_failed:
        case ErrorCode::disk_full:
        case ErrorCode::out_of_memory: return true;
        default: return false;
    }
}

}  // namespace

void SourceStatus::look(const std::map<int, std::int64_t>& messages, Time now) {
    partitions.look(messages, now);
    lag = 0;
    for (const auto& one : partitions.partitions()) lag += one.messages;
}

std::string_view to_string(SourceStatus::State state) {
    switch (state) {
        case SourceStatus::State::waiting: return "waiting";
        case SourceStatus::State::running: return "running";
        case SourceStatus::State::retrying: return "retrying";
        case SourceStatus::State::stopped: break;
    }
    return "stopped";
}

struct LiveIntake::Feed {
    const declare::Source& source;
    std::size_t place;                      // in status_
    std::optional<SourceLock> turn{};       // of a topic of Kafka
    std::unique_ptr<TopicIntake> intake{};  // none: to be opened
    std::future<Result<TopicIntake::Taking>> taken{};
    steady_clock::time_point due{};
    std::chrono::seconds pause{0};
    std::string told{};           // the problem that was told last
    std::string accounts_told{};  // the same, of its accounts
    bool opened = false;          // ever; guarded by mutex_
    bool obstructed = false;
    bool stopped = false;
};

LiveIntake::LiveIntake(const Workplace& at, std::string run_id, std::function<void(const Error&)> note)
    : at_([&] {
          auto own = at;
          own.checkpoints_beside = own.only_lands = true;
          return own;
      }()),
      run_id_(std::move(run_id)),
      note_(std::move(note)) {
    for (const auto& source : at_.project.sources) {
        if (source.topic.empty()) continue;
        feeds_.push_back(std::make_unique<Feed>(Feed{.source = source, .place = feeds_.size()}));
        status_.push_back({.source = source.name, .topic = source.topic});
    }
}

LiveIntake::~LiveIntake() { stop(); }

bool LiveIntake::stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
}

Status LiveIntake::start() {
    WEIR_TRY(LandingSettings::keep(at_.database));
    for (const auto& feed : feeds_) {
        const auto* contract = at_.project.contract(feed->source.contract);
        if (contract == nullptr) continue;
        if (auto table = landing_table(at_, feed->source, *contract); !table) fail(*feed, std::move(table).error());
    }
    WEIR_TRY(failed());
    const bool reads_log = std::any_of(feeds_.begin(), feeds_.end(), [](const auto& f) { return !f->source.kafka; });
    if (reads_log) owner_ = std::thread([this] { own_log(); });
    intake_ = std::thread([this] { run(); });
    keeper_ = std::thread([this] { keep_tables(); });
    accountant_ = std::thread([this] { keep_accounts(); });
    return ok();
}

void LiveIntake::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    const bool started = accountant_.joinable();
    for (auto* thread : {&intake_, &keeper_, &owner_, &accountant_})
        if (thread->joinable()) thread->join();
    if (started) account();
    server_.reset();
    if (log_) {
        if (const auto closed = log_->close(); !closed) note_(closed.error());
        log_.reset();
    }
}

// Whoever appends in another process does so through us. One that was first ends some time, and we take over.
void LiveIntake::own_log() {
    name_thread("log");
    const auto& place = at_.project.log;
    auto options = log::options_of(place);
    options.note = [this](const std::string& note) { note_({.code = ErrorCode::log_damaged, .message = note}); };
    bool told = false;
    for (;;) {
        auto opened = log::Log::open(place.path, options);
        if (opened) {
            auto server = log::Server::start(**opened);
            if (server) {
                log_ = std::move(*opened);
                server_ = std::move(*server);
                return;
            }
            note_(server.error());
        } else if (opened.error().code != ErrorCode::log_locked && !told) {
            note_(opened.error());
            told = true;
        }
        std::unique_lock lock(mutex_);
        if (wake_.wait_for(lock, first_pause, [this] { return stopping_; })) return;
    }
}

Status LiveIntake::open(Feed& feed) {
    WEIR_TRY(complete_follow_ups(at_, feed.source.table, intake_app(feed.source.name)));
    WEIR_TRY(complete_follow_ups(at_, feed.source.table, replay_app(feed.source.name)));
    if (feed.source.kafka && !feed.turn) {
        WEIR_ASSIGN(auto turn, SourceLock::take(at_.project.lake, feed.source.name, SourceLock::Mode::shared));
        feed.turn = std::move(turn);
    }
    WEIR_ASSIGN(feed.intake,
                TopicIntake::open(at_, feed.source,
                                  {.judged_records_min = judged_records_min,
                                   .shared = true,
                                   .landed = [this, &source = feed.source](const Taken& taken) { tell(source, taken); },
                                   .delays = true}));
    const std::lock_guard lock(mutex_);
    feed.opened = true;
    return ok();
}

void LiveIntake::begin_take(Feed& feed) {
    if (!feed.intake || feed.taken.valid()) return;
    const auto& intake = at_.project.intake;
    constexpr std::chrono::milliseconds longest_wait = 1s;
    const source::StretchBounds bounds{intake.rows, intake.bytes, std::min(intake.epoch, longest_wait)};
    feed.taken = std::async(std::launch::async, [&intake = *feed.intake, bounds] { return intake.take(bounds); });
}

void LiveIntake::fail(Feed& feed, Error error) {
    if (feed.taken.valid()) feed.taken.wait();
    feed.taken = {};
    feed.intake.reset();
    feed.stopped = !may_pass(error.code);
    const bool missing = error.code == ErrorCode::not_found;
    feed.pause =
        feed.pause == 0s || missing ? first_pause : std::min<std::chrono::seconds>(feed.pause * 2, longest_pause);
    feed.due = steady_clock::now() + feed.pause;
    // The names of files that could not be written are other ones each time.
    const bool of_disk = error.code == ErrorCode::disk_full || error.code == ErrorCode::io_failed;
    const auto problem = of_disk ? std::string(info(error.code).name) : error.message;
    if (feed.told != problem) {
        feed.told = problem;
        auto told = error;
        if (error.code == ErrorCode::disk_full) told.hint = "free some room: nothing is lost, and it goes on by itself";
        told.message = fmt::format("source '{}' {}: {}", feed.source.name,
                                   feed.stopped ? "stops"
                                   : missing    ? "waits"
                                                : "tries again soon",
                                   error.message);
        note_(told);
    }
    const std::lock_guard lock(mutex_);
    auto& status = status_[feed.place];
    status.state = feed.stopped ? SourceStatus::State::stopped
                   : missing    ? SourceStatus::State::waiting
                                : SourceStatus::State::retrying;
    status.problem = error.message;
    const bool all = std::all_of(feeds_.begin(), feeds_.end(), [](const auto& each) { return each->stopped; });
    if (all) all_stopped_ = std::move(error);
}

// Once when it begins, and once when it is over.
void LiveIntake::tell_obstacle(Feed& feed, const Status& obstacle) {
    if (obstacle) {
        if (!feed.obstructed) return;
        feed.obstructed = false;
        return note_({.code = ErrorCode::io_failed, .message = fmt::format("source '{}' goes on", feed.source.name)});
    }
    if (feed.obstructed) return;
    feed.obstructed = true;
    auto told = obstacle.error();
    told.message = fmt::format("source '{}' waits: {}", feed.source.name, told.message);
    note_(told);
}

bool LiveIntake::step(Feed& feed) {
    const auto began = steady_clock::now();
    const auto& bounds = at_.project.intake;
    if (!feed.intake) {
        if (auto opened = open(feed); !opened) {
            fail(feed, std::move(opened).error());
            return false;
        }
    }
    begin_take(feed);
    const auto taking = feed.taken.get();
    if (!taking) {
        fail(feed, taking.error());
        return false;
    }
    const auto& stretch = taking->stretch;
    const auto obstacle = feed.intake->topic().obstacle();
    const bool full = stretch.full({bounds.rows, bounds.bytes});
    feed.due = began + bounds.epoch;
    if (full) {
        feed.due = began;
        begin_take(feed);
    }
    const auto tell_lag = [&](bool landed) {
        auto waiting = taking->lags;
        if (!landed)
            for (const auto& [partition, range] : stretch.moved)
                waiting[partition] += std::max<std::int64_t>(0, range.second - range.first);
        const std::lock_guard lock(mutex_);
        auto& status = status_[feed.place];
        if (landed) status.partitions.landed(taking->written);
        status.look(waiting, at_.clock.now());
        if (obstacle) {
            status.state = SourceStatus::State::running;
            status.problem.clear();
            return;
        }
        const bool missing = obstacle.error().code == ErrorCode::not_found;
        status.state = missing ? SourceStatus::State::waiting : SourceStatus::State::retrying;
        status.problem = obstacle.error().message;
    };
    tell_obstacle(feed, obstacle);
    tell_lag(false);
    if (stretch.empty()) return false;
    const auto landing = steady_clock::now();
    auto landed = feed.intake->land(*taking, run_id_);
    if (!landed && feed.source.kafka && landed.error().code == ErrorCode::table_conflict) {
        if (feed.taken.valid()) feed.taken.wait();
        feed.taken = {};
        landed = [&]() -> Result<Taken> {
            WEIR_TRY(feed.intake->resume());
            return Taken{};
        }();
        if (landed) return true;
    }
    if (!landed) {
        fail(feed, std::move(landed).error());
        return false;
    }
    feed.pause = 0s;
    if (obstacle && !feed.told.empty()) {
        feed.told.clear();
        note_({.code = ErrorCode::io_failed, .message = fmt::format("source '{}' goes on", feed.source.name)});
    }
    for (const auto& warning : landed->warnings)
        note_(
            {.code = ErrorCode::input_malformed, .message = fmt::format("source '{}': {}", feed.source.name, warning)});
    const std::chrono::duration<double> took = steady_clock::now() - landing;
    tell_lag(true);
    {
        const std::lock_guard lock(mutex_);
        auto& status = status_[feed.place];
        ++status.epochs;
        status.epoch = landed->epoch;
        status.add(*landed);
        status.bytes += static_cast<std::int64_t>(stretch.bytes);
        status.landing_seconds += took.count();
        status.delays.add(landed->delays);
    }
    return full;
}

void LiveIntake::tell(const declare::Source& source, const Taken& taken) {
    for (auto* listener : listeners_)
        listener->on_epoch({.source = source.name,
                            .table = source.table,
                            .epoch = taken.epoch,
                            .version = taken.version,
                            .rows = taken.accepted,
                            .committed_at = at_.clock.now()});
}

void LiveIntake::run() {
    name_thread("intake");
    while (!stopping()) {
        bool more = false;
        auto next = steady_clock::now() + at_.project.intake.epoch;
        for (std::size_t i = 0; i < feeds_.size() && !stopping(); ++i) {
            auto& feed = *feeds_[i];
            if (feed.stopped) continue;
            if (feed.due <= steady_clock::now()) {
                // The next one reads while this one lands.
                for (std::size_t j = 1; j < feeds_.size(); ++j) {
                    auto& other = *feeds_[(i + j) % feeds_.size()];
                    if (other.stopped || !other.intake || other.due > steady_clock::now()) continue;
                    begin_take(other);
                    break;
                }
                more = step(feed) || more;
            }
            if (!feed.stopped) next = std::min(next, feed.due);
        }
        if (more) continue;
        std::unique_lock lock(mutex_);
        wake_.wait_until(lock, next, [this] { return stopping_; });
    }
    for (auto& feed : feeds_) {
        if (feed->taken.valid()) feed->taken.wait();
    }
}

// What follows from the landings of the last second, at once: no epoch waits for it. Also of other processes, which may
// have died.
void LiveIntake::keep_accounts() {
    name_thread("accounts");
    for (;;) {
        account();
        std::unique_lock lock(mutex_);
        if (wake_.wait_for(lock, accounts_pause, [this] { return stopping_; })) return;
    }
}

void LiveIntake::account() {
    for (const auto& feed : feeds_) {
        const auto [opened, state] = [&] {
            const std::lock_guard lock(mutex_);
            return std::pair(feed->opened, status_[feed->place].state);
        }();
        // A source that stopped says all the same how much waits for it, as far as that is known at once.
        if (state == SourceStatus::State::stopped && !feed->source.kafka) {
            if (const auto lags = topic_lags(at_, feed->source)) {
                const std::lock_guard lock(mutex_);
                status_[feed->place].look(*lags, at_.clock.now());
            }
        }
        if (!opened) continue;
        auto completed = complete_follow_ups(at_, feed->source.table, intake_app(feed->source.name));
        const auto problem = completed ? std::string() : completed.error().message;
        if (!completed && problem != feed->accounts_told)
            note_(std::move(completed).error().within(fmt::format("accounting for source '{}'", feed->source.name)));
        feed->accounts_told = problem;
    }
}

// Checkpoints, and small files merged, of the tables that the intake commits to.
void LiveIntake::keep_tables() {
    name_thread("upkeep");
    give_way();
    // One process of those that take in is enough.
    std::optional<SourceLock> alone;
    while (!alone) {
        auto lock = SourceLock::take(at_.project.lake, ".compaction", SourceLock::Mode::alone);
        if (lock) {
            alone = std::move(*lock);
            break;
        }
        std::unique_lock waiting(mutex_);
        if (wake_.wait_for(waiting, upkeep_pause, [this] { return stopping_; })) return;
    }
    // An engine of its own, so that it never waits for the intake's statements, nor they for its.
    auto database = sql::Database::open({.memory_limit = "256MB", .threads = 1});
    if (!database) return note_(database.error());
    auto lake = lake::Lake::open(at_.project.lake.string(), *database);
    if (!lake) return note_(lake.error());
    std::set<std::string> tables{"weir/accounting", "weir/files", "weir/quarantine"};
    for (const auto& feed : feeds_) tables.insert(feed->source.table);
    const auto enough = static_cast<std::size_t>(at_.project.intake.compact_files);
    std::map<std::string, std::size_t> left;  // small files that the last look could not merge
    std::set<std::string> told;
    const auto checkpoint = [&](const std::string& name) -> Status {
        WEIR_ASSIGN(const auto table, lake->table(name));
        WEIR_ASSIGN(const auto written, lake::write_due_checkpoint(table));
        static_cast<void>(written);
        return ok();
    };
    const auto compact = [&](const std::string& name) -> Status {
        if (enough == 0) return ok();
        WEIR_ASSIGN(const auto table, lake->table(name));
        WEIR_ASSIGN(const auto snapshot, table.newest());
        if (!snapshot) return ok();
        for (const auto size : {small_file_bytes, file_bytes}) {
            const auto key = fmt::format("{} {}", name, size);
            const auto small =
                static_cast<std::size_t>(std::count_if(snapshot->files().begin(), snapshot->files().end(),
                                                       [&](const auto& file) { return file.size_bytes < size / 2; }));
            if (small < left[key] + enough) continue;
            WEIR_ASSIGN(const auto done, lake::optimize(table, {.target_bytes = size}));
            left[key] = small - std::min(small, done.files_removed) + done.files_added;
            return ok();
        }
        return ok();
    };
    const auto note_once = [&](const std::string& work, Status status) {
        if (!status && told.insert(work).second) note_(std::move(status).error().within(work));
    };
    for (;;) {
        for (const auto& name : tables) {
            if (stopping()) return;
            note_once("writing a checkpoint of " + name, checkpoint(name));
            note_once("compacting the small files of " + name, compact(name));
        }
        std::unique_lock lock(mutex_);
        if (wake_.wait_for(lock, upkeep_pause, [this] { return stopping_; })) return;
    }
}

std::vector<SourceStatus> LiveIntake::sources() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

Status LiveIntake::failed() const {
    const std::lock_guard lock(mutex_);
    return all_stopped_ ? Status(*all_stopped_) : ok();
}

}  // namespace weir::orchestrate

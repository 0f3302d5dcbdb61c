#include "orchestrate/intake/topic_intake.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <future>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/stop.h"
#include "source/kafka/topic_reader.h"
#include "source/log/around.h"
#include "source/log/topic_reader.h"

namespace weir::orchestrate {
namespace {

using source::Positions;
using source::Stretch;
using sql::quote_text;
using std::chrono::steady_clock;

constexpr std::int64_t recent_records_max = 10'000;
constexpr int landing_attempts = 5;
constexpr std::chrono::seconds follow_every{1};

std::string sequence_app(const declare::Source& source) { return "weir/sequence/" + source.name; }

std::string position_prefix(const declare::Source& source, const std::string& origin) {
    return fmt::format("weir/position/{}/{}{}{}/", source.name, origin, origin.empty() ? "" : "/", source.topic);
}

struct KnownPosition {
    std::int64_t offset = -1;  // -1: none yet
    int generation = 0;

    std::string app(const std::string& prefix, int partition) const {
        auto name = prefix + std::to_string(partition);
        if (generation > 0) name += fmt::format("@{}", generation);
        return name;
    }
};

// The newest position of each partition.
std::map<int, KnownPosition> known_positions(const lake::Snapshot& snapshot, const std::string& prefix) {
    std::map<int, KnownPosition> known;
    for (const auto& [app, txn] : snapshot.transactions()) {
        if (!app.starts_with(prefix)) continue;
        const auto rest = std::string_view(app).substr(prefix.size());
        int partition = 0, generation = 0;
        const auto sign = rest.find('@');
        const auto number = rest.substr(0, sign);
        if (std::from_chars(number.data(), number.data() + number.size(), partition).ec != std::errc{}) continue;
        if (sign != std::string_view::npos)
            std::from_chars(rest.data() + sign + 1, rest.data() + rest.size(), generation);
        const auto found = known.find(partition);
        if (found == known.end() || found->second.generation < generation) known[partition] = {txn.version, generation};
    }
    return known;
}

Error of_source(Error error, const declare::Source& source) {
    if (!error.where.file.empty()) return error;
    error.where = source.topic_where;
    return error;
}

Result<Positions> stored_positions(const Workplace& at, const declare::Source& source, const std::string& origin) {
    WEIR_ASSIGN(const auto table, at.lake.table(source.table));
    WEIR_ASSIGN(const auto snapshot, table.newest());
    Positions positions;
    if (!snapshot) return positions;
    for (const auto& [partition, position] : known_positions(*snapshot, position_prefix(source, origin)))
        positions[partition] = position.offset;
    return positions;
}

// Whether the source's table has positions of a topic of this name in an embedded log, be it which it may.
Result<bool> knows_topic_of_log(const Workplace& at, const declare::Source& source) {
    WEIR_ASSIGN(const auto table, at.lake.table(source.table));
    WEIR_ASSIGN(const auto snapshot, table.newest());
    if (!snapshot) return false;
    const auto all = fmt::format("weir/position/{}/", source.name), here = source.topic + "/";
    for (const auto& [app, txn] : snapshot->transactions()) {
        if (!app.starts_with(all)) continue;
        auto rest = std::string_view(app).substr(all.size());
        if (rest.starts_with("log:")) rest.remove_prefix(std::min(rest.find('/') + 1, rest.size()));
        if (rest.starts_with(here)) return true;
    }
    return false;
}

Result<std::unique_ptr<source::TopicReader>> open_topic(const Workplace& at, const declare::Source& source, bool shared,
                                                        source::StoredPositions stored, std::function<void()> settle) {
    if (source.kafka) {
        auto topic = source::kafka::TopicReader::open({.cluster = source.kafka->cluster,
                                                       .root = at.project.root,
                                                       .topic = source.topic,
                                                       .group = source.kafka->group,
                                                       .shared = shared,
                                                       .reset = source.reset,
                                                       .stored = std::move(stored),
                                                       .settle = std::move(settle)});
        if (!topic) return of_source(std::move(topic).error(), source);
        return std::unique_ptr<source::TopicReader>(std::move(*topic));
    }
    const auto known = [&](const std::string& origin) -> Result<source::log::KnownTopic> {
        WEIR_ASSIGN(auto positions, stored(origin));
        bool another = false;
        if (positions.empty()) {
            WEIR_ASSIGN(another, knows_topic_of_log(at, source));
        }
        return source::log::KnownTopic{std::move(positions), another};
    };
    auto topic = source::log::TopicReader::open(at.project.log.path, source.topic, known, source.reset);
    if (!topic) return of_source(std::move(topic).error(), source);
    return std::unique_ptr<source::TopicReader>(std::make_unique<source::log::TopicReader>(std::move(*topic)));
}

}  // namespace

Result<Positions> TopicIntake::stored(const std::string& origin) const {
    return stored_positions(at_, source_, origin);
}

Result<std::unique_ptr<TopicIntake>> TopicIntake::open(const Workplace& at, const declare::Source& source,
                                                       TopicIntakeOptions options) {
    const auto& contract = *at.project.contract(source.contract);
    WEIR_ASSIGN(const auto table, landing_table(at, source, contract));
    static_cast<void>(table);
    std::unique_ptr<TopicIntake> made(new TopicIntake(at, source, contract, std::move(options)));
    made->recent_.least = made->options_.judged_records_min;
    // Before a partition is given away, what was read of it lands; the next owner begins behind it.
    const auto settle = [intake = made.get()] {
        constexpr std::chrono::seconds patience{20};
        if (intake->landing_.try_lock_for(patience)) intake->landing_.unlock();
    };
    WEIR_ASSIGN(made->topic_,
                open_topic(
                    at, source, made->options_.shared,
                    [intake = made.get()](const std::string& origin) { return intake->stored(origin); }, settle));
    return made;
}

Error TopicIntake::table_removed(int partition, std::int64_t position) const {
    return {.code = ErrorCode::table_conflict,
            .message = fmt::format("table '{}' does not hold the rows of {}/{} before offset {} any more, which landed "
                                   "in it: it was removed, or made anew",
                                   source_.table, source_.topic, partition, position),
            .hint = "nothing was committed; the topic is read again from where the table stands"};
}

Result<LandingJob::Placement> TopicIntake::place(const Stretch& stretch, const lake::Snapshot& snapshot) {
    overtaken_ = false;
    const auto prefix = position_prefix(source_, topic_->origin());
    auto known = known_positions(snapshot, prefix);
    auto numbered = snapshot.transaction_version(sequence_app(source_)).value_or(0);
    const auto numbered_before = numbered;
    LandingJob::Placement placement;
    for (const auto& [partition, range] : stretch.moved) {
        auto& position = known[partition];
        const auto before = landed_.find(partition);
        if (position.offset < 0 && before != landed_.end() && before->second == range.first) {
            overtaken_ = true;
            return table_removed(partition, range.first);
        }
        if (position.offset >= 0 && position.offset != range.first) {
            overtaken_ = true;
            return Error{.code = ErrorCode::table_conflict,
                         .message = fmt::format("the rows from offset {} on of {}/{} were to land, but another process "
                                                "has landed up to {}",
                                                range.first, source_.topic, partition, position.offset),
                         .hint = "nothing was committed; reading goes on from there"};
        }
        // A reader that was sent back is in another topic of the same name.
        if (range.second < position.offset) ++position.generation;
        position.offset = range.second;
        placement.positions.emplace_back(position.app(prefix, partition), position.offset);
        if (source_.sequence.empty() || range.second <= range.first) continue;
        // Line numbers are offsets + 1.
        placement.numbered.push_back({source::partition_path(source_, partition), numbered - range.first});
        numbered += range.second - range.first;
    }
    if (numbered > numbered_before) placement.positions.emplace_back(sequence_app(source_), numbered);
    return placement;
}

Result<TopicIntake::Taking> TopicIntake::take(const source::StretchBounds& bounds, const Positions* ends) {
    Taking taking;
    WEIR_ASSIGN(taking.stretch, topic_->take(bounds, ends));
    // What was read counts, also where it cannot be told what is behind it.
    const auto told = topic_->lags();
    const auto lags = told ? *told : std::map<int, std::int64_t>();
    const auto now = at_.clock.now();
    const auto before = std::exchange(quiet_since_, {});
    for (const auto& [partition, position] : topic_->positions()) {
        const auto path = source::partition_path(source_, partition);
        const bool moved = taking.stretch.moved.contains(partition);
        const auto known = before.find(partition);
        const auto lag = lags.find(partition);
        const bool at_end = lag != lags.end() && lag->second == 0;
        // Messages that come to a partition that was quiet find the watermark that stood without it.
        if (known != before.end() || (at_end && !moved)) {
            taking.partitions.quiet_since.emplace(path, known != before.end() ? known->second : now);
        } else {
            taking.partitions.waiting.insert(path);
            if (!begun_.contains(partition)) taking.partitions.first.insert(path);
        }
        if (moved) begun_.insert(partition);
        if (at_end) quiet_since_.emplace(partition, known != before.end() && !moved ? known->second : now);
        if (lag != lags.end()) taking.lags.insert(*lag);
    }
    for (const auto& block : taking.stretch.blocks)
        for (const auto& piece : block->message_pieces)
            if (piece.end > piece.begin)
                taking.written[piece.partition] =
                    Time(std::chrono::milliseconds(block->messages[piece.end - 1].timestamp));
    return taking;
}

Result<Taken> TopicIntake::land(const Taking& taking, const std::string& run_id) {
    const auto& stretch = taking.stretch;
    if (stretch.empty()) return Taken{};
    const std::lock_guard landing(landing_);
    LandingJob job{.source = source_,
                   .contract = contract_,
                   .app = intake_app(source_.name),
                   .kind = "intake",
                   .files = {},
                   .rows = stretch.rows,
                   .recent = recent_,
                   .read = {},
                   .follow = {}};
    for (const auto& part : stretch.parts)
        job.files.push_back({source::partition_path(source_, part.partition), part.day});
    job.place = [&](const lake::Snapshot& snapshot) { return place(stretch, snapshot); };
    job.read = [&](sql::Connection& connection, const WriteAccepted& write_accepted) {
        return read_messages(at_, connection, source_, contract_, stretch, rejects_table, write_accepted);
    };
    job.follow = [&](sql::Connection&, const LandingJob::Reports& reports, FollowUps& follow_ups) {
        return follow(stretch, reports, run_id, follow_ups);
    };
    job.landed = options_.landed;
    job.delays = options_.delays;
    job.followed_later = true;
    job.partitions = taking.partitions;
    auto taken = land_checked(at_, job, run_id);
    // Somebody landed other partitions meanwhile: again, behind them.
    for (int attempt = 1; attempt < landing_attempts; ++attempt) {
        if (taken || taken.error().code != ErrorCode::table_conflict || overtaken_) break;
        taken = land_checked(at_, job, run_id);
    }
    if (!taken) return of_source(std::move(taken).error(), source_);
    taken->files = 0;
    taken->warnings.insert(taken->warnings.end(), stretch.notes.begin(), stretch.notes.end());
    if (options_.judged_records_min > 0) {
        recent_.read += taken->read;
        recent_.quarantined += taken->quarantined;
        while (recent_.read > recent_records_max) {
            recent_.read /= 2;
            recent_.quarantined /= 2;
        }
    }
    Positions reached;
    for (const auto& [partition, range] : stretch.moved) landed_[partition] = reached[partition] = range.second;
    topic_->landed(reached);
    return taken;
}

Status TopicIntake::resume() {
    WEIR_ASSIGN(const auto positions, stored(topic_->origin()));
    for (const auto& [partition, position] : landed_)
        if (!positions.contains(partition)) return table_removed(partition, position);
    landed_.clear();
    return topic_->rewind(positions);
}

Status TopicIntake::follow(const Stretch& stretch, const LandingJob::Reports& reports, const std::string& run_id,
                           FollowUps& follow_ups) const {
    const auto epoch = follow_ups.epoch();
    const auto now = to_iso(at_.clock.now());
    if (quarantined(reports) > 0)
        WEIR_TRY(follow_ups.stage(
            "quarantine",
            fmt::format("SELECT left(md5(concat_ws('|', {0}, t.path, r.byte_offset, {1})), 16) AS id, 'pending' AS "
                        "state, {0} AS source, t.arrival AS arrival_date, t.path AS file, r.line, r.byte_offset, "
                        "r.\"column\", r.rule, r.reason, r.raw, r.cut, r.header, {2} AS run_id, {1}::BIGINT AS epoch, "
                        "TIMESTAMPTZ '{3}' AS changed_at, CAST(NULL AS VARCHAR) AS note FROM {4} r JOIN {5} t USING "
                        "(file_no) ORDER BY file_no, line",
                        quote_text(source_.name), epoch, quote_text(run_id), now, rejects_table, taken_table)));
    if (stretch.parts.empty()) return ok();
    std::vector<std::string> rows;
    for (std::size_t i = 0; i < stretch.parts.size(); ++i) {
        const auto& part = stretch.parts[i];
        const nlohmann::json row{{"source", source_.name},
                                 {"path", source::partition_path(source_, part.partition)},
                                 {"size", part.to},
                                 {"mtime_ns", nullptr},
                                 {"sha256", nullptr},
                                 {"arrival_date", weir::to_string(part.day)},
                                 {"start_offset", part.from},
                                 {"records", reports[i].records},
                                 {"lines", part.to},
                                 {"quarantined", reports[i].quarantined()},
                                 {"epoch", epoch},
                                 {"run_id", run_id},
                                 {"taken_at", now}};
        rows.push_back(row.dump());
    }
    return follow_ups.add("files", rows);
}

namespace {

Result<std::unique_ptr<source::TopicReader>> open_to_look(const Workplace& at, const declare::Source& source) {
    return open_topic(at, source, false,
                      [&](const std::string& origin) { return stored_positions(at, source, origin); }, {});
}

}  // namespace

Result<std::map<int, std::int64_t>> topic_lags(const Workplace& at, const declare::Source& source) {
    WEIR_ASSIGN(const auto topic, open_to_look(at, source));
    return topic->lags();
}

Result<TopicBacklog> topic_backlog(const Workplace& at, const declare::Source& source) {
    TopicBacklog backlog;
    WEIR_ASSIGN(const auto topic, open_to_look(at, source));
    WEIR_ASSIGN(const auto ends, topic->ends());
    const auto positions = topic->positions();
    for (const auto& [partition, from] : positions)
        backlog.messages += std::max<std::int64_t>(0, ends.at(partition) - from);
    WEIR_ASSIGN(backlog.days, topic->days(positions, ends));
    return backlog;
}

namespace {

// What follows from the landings so far.
Status account(const Workplace& at, const declare::Source& source) {
    auto completed = complete_follow_ups(at, source.table, intake_app(source.name));
    if (!completed) return of_source(std::move(completed).error(), source);
    return ok();
}

Status drain(const Workplace& at, TopicIntake& intake, const std::string& run_id, Taken& sum) {
    const auto& source = intake.source();
    WEIR_ASSIGN(const auto ends, intake.topic().ends());
    auto followed = steady_clock::now();
    // While a stretch lands, the next one is read, and what follows from those before it is brought to its tables.
    const auto beside = [&](bool follows) {
        return std::async(std::launch::async, [&, follows]() -> Result<TopicIntake::Taking> {
            auto taking = intake.take({}, &ends);
            if (!taking) return of_source(std::move(taking).error(), source);
            if (follows) WEIR_TRY(account(at, source));
            return taking;
        });
    };
    auto next = beside(false);
    for (;;) {
        WEIR_ASSIGN(const auto taking, next.get());
        if (stop_requested())
            return Error{.code = ErrorCode::interrupted, .message = "stopped; what was committed stands"};
        if (taking.stretch.empty()) return ok();
        const bool follows = steady_clock::now() - followed > follow_every;
        if (follows) followed = steady_clock::now();
        next = beside(follows);
        auto taken = intake.land(taking, run_id);
        if (!taken) {
            next.wait();
            return std::move(taken).error();
        }
        sum.epoch = taken->epoch;
        sum.version = taken->version;
        sum.add(*taken);
        for (auto& warning : taken->warnings) sum.warnings.push_back(std::move(warning));
    }
}

}  // namespace

Status drain_topic(const Workplace& at, const declare::Source& source, const std::string& run_id, Taken& sum) {
    WEIR_ASSIGN(const auto intake, TopicIntake::open(at, source));
    auto drained = drain(at, *intake, run_id, sum);
    // What landed is accounted for, also where a later landing failed.
    auto followed = account(at, source);
    return drained ? std::move(followed) : std::move(drained);
}

}  // namespace weir::orchestrate

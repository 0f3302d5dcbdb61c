#include "orchestrate/intake/log_intake.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <future>

#include "base/stop.h"
#include "source/log/around.h"

namespace weir::orchestrate {
namespace {

using source::log::Stretch;
using sql::quote_text;

constexpr std::int64_t recent_records_max = 10'000;

std::string sequence_app(const declare::Source& source) { return "weir/sequence/" + source.name; }

std::string position_prefix(const declare::Source& source) {
    return fmt::format("weir/position/{}/{}/", source.name, source.log);
}

struct KnownPosition {
    std::int64_t offset;
    int generation;
};

// The newest position of each partition.
std::map<int, KnownPosition> known_positions(const lake::Snapshot& snapshot, const declare::Source& source) {
    std::map<int, KnownPosition> known;
    const auto prefix = position_prefix(source);
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

source::log::Positions offsets_of(const std::map<int, KnownPosition>& known) {
    source::log::Positions positions;
    for (const auto& [partition, position] : known) positions[partition] = position.offset;
    return positions;
}

Error of_source(Error error, const declare::Source& source) {
    if (!error.where.file.empty()) return error;
    error.where = source.log_where;
    return error;
}

}  // namespace

std::string LogIntake::position_app(int partition, int generation) const {
    auto app = position_prefix(source_) + std::to_string(partition);
    if (generation > 0) app += fmt::format("@{}", generation);
    return app;
}

Result<std::unique_ptr<LogIntake>> LogIntake::open(const Workplace& at, const declare::Source& source,
                                                   LogIntakeOptions options) {
    const auto& contract = *at.project.contract(source.contract);
    WEIR_ASSIGN(const auto table, landing_table(at, source, contract));
    WEIR_ASSIGN(const auto snapshot, table.snapshot());
    const auto known = known_positions(snapshot, source);
    auto topic = source::log::TopicReader::open(at.project.log.path, source.log, offsets_of(known), source.reset);
    if (!topic) return of_source(std::move(topic).error(), source);
    std::unique_ptr<LogIntake> made(new LogIntake(at, source, contract, std::move(*topic), options));
    for (const auto& [partition, position] : known)
        made->positions_[partition] = {position.offset, position.generation};
    made->numbered_ = snapshot.transaction_version(sequence_app(source)).value_or(0);
    made->recent_.least = options.judged_records_min;
    return made;
}

Result<Taken> LogIntake::land(const Stretch& stretch, const std::string& run_id) {
    if (stretch.empty()) return Taken{};
    LandingJob job{.source = source_,
                   .contract = contract_,
                   .app = intake_app(source_.name),
                   .kind = "intake",
                   .files = {},
                   .recent = recent_,
                   .read = {},
                   .follow = {}};
    for (const auto& part : stretch.parts)
        job.files.push_back({source::partition_path(source_.log, part.partition), part.day});
    auto positions = positions_;
    auto numbered = numbered_;
    for (const auto& [partition, range] : stretch.moved) {
        auto& position = positions[partition];
        // A reader that was sent back is in another log.
        if (range.second < position.offset) ++position.generation;
        position.offset = range.second;
        job.positions.emplace_back(position_app(partition, position.generation), position.offset);
        if (source_.sequence.empty() || range.second <= range.first) continue;
        // Line numbers are offsets + 1.
        job.numbered.push_back(
            {source::partition_path(source_.log, partition), range.first, range.second, numbered - range.first});
        numbered += range.second - range.first;
    }
    if (numbered > numbered_) job.positions.emplace_back(sequence_app(source_), numbered);
    job.read = [&](sql::Connection& connection, const WriteAccepted& write_accepted) {
        return read_messages(at_, connection, source_, contract_, stretch, rejects_table, write_accepted);
    };
    job.follow = [&](sql::Connection& connection, std::int64_t epoch, const LandingJob::Stage& stage) {
        return follow(stretch, run_id, epoch, stage, connection);
    };
    auto taken = land_checked(at_, job, run_id);
    if (!taken) return of_source(std::move(taken).error(), source_);
    positions_ = std::move(positions);
    numbered_ = numbered;
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
    return taken;
}

Status LogIntake::follow(const Stretch& stretch, const std::string& run_id, std::int64_t epoch,
                         const LandingJob::Stage& stage, sql::Connection& connection) const {
    const auto now = to_iso(at_.clock.now());
    WEIR_ASSIGN(const auto rejects, connection.query(fmt::format("SELECT count(*) FROM {}", rejects_table)));
    if (rejects.integer(0, 0) > 0)
        WEIR_TRY(stage(
            "quarantine",
            fmt::format("SELECT left(md5(concat_ws('|', {0}, t.path, r.byte_offset, {1})), 16) AS id, 'pending' AS "
                        "state, {0} AS source, t.arrival AS arrival_date, t.path AS file, r.line, r.byte_offset, "
                        "r.\"column\", r.rule, r.reason, r.raw, r.cut, r.header, {2} AS run_id, {1}::BIGINT AS epoch, "
                        "TIMESTAMPTZ '{3}' AS changed_at, CAST(NULL AS VARCHAR) AS note FROM {4} r JOIN {5} t USING "
                        "(file_no) ORDER BY file_no, line",
                        quote_text(source_.name), epoch, quote_text(run_id), now, rejects_table, taken_table)));
    if (stretch.parts.empty()) return ok();
    std::vector<std::string> rows;
    for (std::size_t i = 0; i < stretch.parts.size(); ++i)
        rows.push_back(fmt::format("({}, {}::BIGINT, {}::BIGINT)", i, stretch.parts[i].from, stretch.parts[i].to));
    return stage("files",
                 fmt::format("SELECT {} AS source, t.path, o.upto AS size, CAST(NULL AS BIGINT) AS mtime_ns, CAST(NULL "
                             "AS VARCHAR) AS sha256, t.arrival AS arrival_date, o.since AS start_offset, p.records, "
                             "o.upto AS lines, p.quarantined, {}::BIGINT AS epoch, {} AS run_id, TIMESTAMPTZ '{}' AS "
                             "taken_at FROM {} p JOIN {} t USING (file_no) JOIN (VALUES {}) o(file_no, since, upto) "
                             "USING (file_no) ORDER BY t.path",
                             quote_text(source_.name), epoch, quote_text(run_id), now, reports_table, taken_table,
                             fmt::join(rows, ", ")));
}

Result<LogBacklog> log_backlog(const Workplace& at, const declare::Source& source) {
    LogBacklog backlog;
    WEIR_ASSIGN(const auto table, at.lake.table(source.table));
    WEIR_ASSIGN(const auto snapshot, newest(table));
    const auto known = snapshot ? known_positions(*snapshot, source) : std::map<int, KnownPosition>();
    auto topic = source::log::TopicReader::open(at.project.log.path, source.log, offsets_of(known), source.reset);
    if (!topic) return of_source(std::move(topic).error(), source);
    WEIR_ASSIGN(const auto ends, topic->ends());
    for (const auto& [partition, from] : topic->positions()) {
        const auto to = ends.at(partition);
        if (to <= from) continue;
        backlog.messages += to - from;
        WEIR_ASSIGN(const auto days, source::log::days_between(at.project.log.path, source.log, partition, from, to));
        backlog.days.insert(days.begin(), days.end());
    }
    return backlog;
}

Status drain_log(const Workplace& at, const declare::Source& source, const std::string& run_id, Taken& sum) {
    WEIR_ASSIGN(const auto intake, LogIntake::open(at, source));
    auto& topic = intake->topic();
    WEIR_ASSIGN(const auto ends, topic.ends());
    // The next stretch is read while this one lands.
    const auto read = [&] { return std::async(std::launch::async, [&] { return topic.take({}, &ends); }); };
    auto next = read();
    for (;;) {
        auto stretch = next.get();
        if (!stretch) return of_source(std::move(stretch).error(), source);
        if (stretch->empty()) return ok();
        if (stop_requested())
            return Error{.code = ErrorCode::interrupted, .message = "stopped; what was committed stands"};
        next = read();
        auto taken = intake->land(*stretch, run_id);
        if (!taken) {
            next.wait();
            return std::move(taken).error();
        }
        sum.epoch = taken->epoch;
        sum.version = taken->version;
        sum.read += taken->read;
        sum.accepted += taken->accepted;
        sum.duplicate += taken->duplicate;
        sum.quarantined += taken->quarantined;
        sum.filtered += taken->filtered;
        sum.nulled += taken->nulled;
        for (auto& warning : taken->warnings) sum.warnings.push_back(std::move(warning));
    }
}

}  // namespace weir::orchestrate

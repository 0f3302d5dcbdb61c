#include "orchestrate/intake/source_plan.h"

#include <fmt/format.h>

#include <array>
#include <unordered_map>

#include "base/file.h"
#include "base/sha256.h"
#include "contract/duplicates.h"
#include "model/system_tables.h"
#include "orchestrate/intake/topic_intake.h"
#include "source/files/decide.h"

namespace weir::orchestrate {
namespace {

using source::FileAction;
using source::KnownFile;

using KnownFiles = std::unordered_map<std::string, KnownFile>;  // by path

// The newest record of each path of a source.
Result<KnownFiles> known_files(const Workplace& at, const std::string& source) {
    KnownFiles known;
    WEIR_ASSIGN(const auto table, at.lake.table("weir/files"));
    WEIR_ASSIGN(const auto snapshot, table.newest());
    if (!snapshot) return known;
    WEIR_ASSIGN(const auto scan,
                table.scan(*snapshot, {.columns = {"source", "path", "size", "mtime_ns", "sha256", "taken_at", "epoch"},
                                       .skip = {{"source", lake::Comparison::equal, source}}}));
    WEIR_ASSIGN(auto connection, at.database.connect());
    WEIR_ASSIGN(const auto rows,
                connection.query(
                    fmt::format("SELECT path, arg_max(size, epoch), arg_max(mtime_ns, epoch), arg_max(sha256, epoch), "
                                "arg_max(epoch_us(taken_at), epoch) FROM {} WHERE source = {} GROUP BY path",
                                scan.relation, sql::quote_text(source))));
    known.reserve(rows.row_count());
    for (std::size_t row = 0; row < rows.row_count(); ++row) {
        known.emplace(rows.text(row, 0), KnownFile{.size = static_cast<std::uint64_t>(rows.integer(row, 1)),
                                                   .mtime_ns = rows.integer(row, 2),
                                                   .sha256 = std::string(rows.text(row, 3)),
                                                   .recorded_at_ns = rows.integer(row, 4) * 1000});
    }
    return known;
}

// What was known of files while the project stood elsewhere: a project that was moved, or copied with its lake, has the
// same files under other paths.
class ElsewhereKnown {
public:
    ElsewhereKnown(const KnownFiles& known, const std::filesystem::path& root) : inside_(root.string() + "/") {
        for (const auto& entry : known)
            if (!entry.first.starts_with(inside_)) by_name_[name_of(entry.first)].push_back(&entry);
    }

    // Where the same place in the project was, and what was known of it.
    const KnownFiles::value_type* find(const std::string& path) const {
        if (!path.starts_with(inside_)) return nullptr;
        const auto candidates = by_name_.find(name_of(path));
        if (candidates == by_name_.end()) return nullptr;
        const auto place = path.substr(inside_.size() - 1);
        for (const auto* entry : candidates->second)
            if (entry->first.ends_with(place)) return entry;
        return nullptr;
    }

private:
    static std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

    const std::string inside_;
    std::unordered_map<std::string, std::vector<const KnownFiles::value_type*>> by_name_;
};

Result<std::string> hash_beginning(const std::string& path, std::uint64_t bytes) {
    WEIR_ASSIGN(const auto file, open_for_reading(path));
    Sha256 sha;
    std::vector<char> buffer(1 << 20);
    while (bytes > 0) {
        const auto got = ::read(file.get(), buffer.data(), std::min<std::uint64_t>(buffer.size(), bytes));
        if (got < 0) return io_error("read", path, errno);
        if (got == 0) break;
        sha.update({buffer.data(), static_cast<std::size_t>(got)});
        bytes -= static_cast<std::uint64_t>(got);
    }
    return sha.hex();
}

// The calendar days of file times, in the project's zone.
Result<std::vector<Day>> days_of_times(const Workplace& at, const std::vector<source::InputFile>& files) {
    std::vector<Day> days;
    days.reserve(files.size());
    if (at.project.zone == "UTC") {
        for (const auto& file : files)
            days.push_back(std::chrono::floor<std::chrono::days>(
                std::chrono::sys_time<std::chrono::nanoseconds>(std::chrono::nanoseconds(file.mtime_ns))));
        return days;
    }
    WEIR_ASSIGN(auto connection, at.database.connect());
    std::string values;
    for (std::size_t i = 0; i < files.size(); ++i)
        values += fmt::format("{}({},{})", i ? "," : "", i, files[i].mtime_ns / 1000);
    if (values.empty()) return days;
    WEIR_ASSIGN(const auto rows,
                connection.query(fmt::format("SELECT CAST(timezone({}, make_timestamptz(us)) AS DATE) FROM (VALUES {}) "
                                             "t(i, us) ORDER BY i",
                                             sql::quote_text(at.project.zone), values)));
    for (std::size_t row = 0; row < rows.row_count(); ++row)
        days.push_back(Day{std::chrono::days{rows.integer(row, 0)}});
    return days;
}

Result<std::vector<Day>> arrival_days(const Workplace& at, const declare::Source& source,
                                      const std::vector<source::InputFile>& files) {
    using Kind = declare::Arrival::Kind;
    if (source.arrival.kind == Kind::file_time) return days_of_times(at, files);
    std::vector<Day> days;
    if (source.arrival.kind == Kind::text) {
        const auto day = parse_day(source.arrival.text);
        if (!day)
            return Error{.code = ErrorCode::param_invalid,
                         .message = fmt::format("'{}' is no arrival day", source.arrival.text),
                         .hint = "write it as 2024-03-01",
                         .where = source.arrival.where};
        days.assign(files.size(), *day);
        return days;
    }
    for (const auto& file : files) {
        if (!file.arrival)
            return Error{
                .code = ErrorCode::project_invalid,
                .message = fmt::format("{} has no {{year}}, {{month}} and {{day}} in its path template", file.path),
                .hint = "write the template with all three, for example events/{year}/{month}/{day}/*.json",
                .where = source.arrival.where};
        days.push_back(*file.arrival);
    }
    return days;
}

Result<source::FileDecision> decide_on(const source::InputFile& file, const std::optional<KnownFile>& before,
                                       bool append_only) {
    const source::SeenFile seen{file.size, file.mtime_ns};
    auto decision = source::decide(before, seen, append_only);
    if (decision.action == FileAction::hash) {
        WEIR_ASSIGN(const auto hash, hash_beginning(file.path, decision.bytes));
        decision = source::decide(before, seen, append_only, hash);
    }
    return decision;
}

// What a reference table says holds for all days, so that a file of it may be mended: no index knows its keys, and no
// record has a number.
bool may_be_replaced(const declare::Source& source, const declare::Contract& contract) {
    return source.reference && source.sequence.empty() && !contract::key_hash(contract);
}

// Whether the file was taken when the project stood elsewhere.
Result<bool> taken_elsewhere(const source::InputFile& file, const KnownFiles::value_type& then, bool append_only) {
    WEIR_ASSIGN(const auto decision, decide_on(file, then.second, append_only));
    if (decision.action == FileAction::continue_from)
        return Error{.code = ErrorCode::input_changed,
                     .message = fmt::format("{} was taken as {} before the project was moved, and has grown since",
                                            file.path, then.first),
                     .hint = "put what is new into a file of its own, or the project back to where it was"};
    return decision.action == FileAction::skip;
}

}  // namespace

std::set<Day> SourcePlan::days() const {
    auto days = message_days;
    for (const auto& file : take) days.insert(file.arrival);
    return days;
}

Result<SourcePlan> plan_source(const Workplace& at, const declare::Source& source,
                               const std::optional<Interval>& interval) {
    SourcePlan plan{.source = &source, .contract = at.project.contract(source.contract)};
    if (!source.topic.empty()) {
        WEIR_ASSIGN(auto backlog, topic_backlog(at, source));
        plan.messages = backlog.messages;
        plan.message_days = std::move(backlog.days);
        return plan;
    }
    WEIR_ASSIGN(const auto known, known_files(at, source.name));
    // Files that were taken may be moved away; a pattern that never matched anything is a mistake, and so is a path.
    const auto when_none = known.empty() ? source::WhenNone::fail : source::WhenNone::allow_pattern;
    WEIR_ASSIGN(auto found, source::discover(source.files, source.files_where, when_none));
    plan.captures = std::move(found.captures);
    WEIR_ASSIGN(const auto days, arrival_days(at, source, found.files));
    const ElsewhereKnown elsewhere(known, at.project.root);
    for (std::size_t i = 0; i < found.files.size(); ++i) {
        auto& file = found.files[i];
        const auto record = known.find(file.path);
        const auto before = record == known.end() ? std::nullopt : std::optional(record->second);
        WEIR_ASSIGN(const auto decision, decide_on(file, before, source.append_only));
        if (const auto* then = before ? nullptr : elsewhere.find(file.path)) {
            WEIR_ASSIGN(const bool taken, taken_elsewhere(file, *then, source.append_only));
            if (taken) {
                ++plan.unchanged;
                continue;
            }
        }
        const bool changed = decision.action == FileAction::changed;
        if (changed && !may_be_replaced(source, *plan.contract)) return source::changed_error(file.path, decision);
        if (changed) plan.changed.insert(file.path);
        if (decision.action == FileAction::skip) {
            ++plan.unchanged;
            continue;
        }
        if (interval && (days[i] < interval->from || days[i] >= interval->to)) {
            ++plan.outside;
            continue;
        }
        const auto offset = decision.action == FileAction::continue_from ? decision.bytes : 0;
        if (offset > 0) ++plan.grown;
        plan.bytes += file.size - std::min(file.size, offset);
        plan.take.push_back({std::move(file), days[i], offset});
    }
    return plan;
}

}  // namespace weir::orchestrate

#include "observe/watermarks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "observe/event_time.h"
#include "observe/system_facts.h"

namespace weir::observe {
namespace {

std::string moment(const std::optional<Time>& time) {
    return time ? fmt::format("TIMESTAMPTZ '{}'", to_iso(*time)) : "CAST(NULL AS TIMESTAMPTZ)";
}

}  // namespace

Result<SourceWatermark> watermark_at(const lake::Snapshot& snapshot, sql::Connection& connection,
                                     const declare::Project& project, const declare::Source& source, Time now) {
    SourceWatermark one{.source = source.name};
    const auto progress = event_progress(snapshot, source);
    const EventTimeline line(snapshot.schema(), *source.event_time, project.zone);
    std::optional<EventMoment> clock;
    if (source.event_time->idle) {
        WEIR_ASSIGN(clock, line.from_time(connection, now));
    }
    if (const auto mark = watermark(progress, *source.event_time, now, clock)) {
        WEIR_ASSIGN(one.watermark, line.to_time(connection, *mark));
    }
    one.partitions = static_cast<std::int64_t>(progress.size());
    std::optional<EventMoment> newest;
    for (const auto& [partition, of] : progress) {
        one.idle += is_idle(of, *source.event_time, now) ? 1 : 0;
        newest = std::max(newest, std::optional(of.event.value_or(of.newest)));
        one.moved_at = std::max(one.moved_at, std::optional(of.landed));
    }
    if (newest) {
        WEIR_ASSIGN(one.newest_event, line.to_time(connection, *newest));
    }
    return one;
}

Result<std::vector<SourceWatermark>> watermarks(const lake::Lake& lake, sql::Connection& connection,
                                                const declare::Project& project, Time now) {
    std::vector<SourceWatermark> result;
    for (const auto& source : project.sources) {
        if (!source.event_time) continue;
        SourceWatermark one{.source = source.name};
        WEIR_ASSIGN(const auto table, lake.table(source.table));
        WEIR_ASSIGN(const auto snapshot, table.newest());
        if (snapshot) {
            WEIR_ASSIGN(one, watermark_at(*snapshot, connection, project, source, now));
        }
        result.push_back(std::move(one));
    }
    return result;
}

Result<std::string> watermark_rows(const lake::Lake& lake, sql::Connection& connection, const declare::Project& project,
                                   Time now) {
    WEIR_ASSIGN(const auto sources, watermarks(lake, connection, project, now));
    if (sources.empty()) return std::string();
    WEIR_ASSIGN(const auto totals, accounting_totals(lake, connection));
    std::vector<std::string> rows;
    for (const auto& one : sources) {
        const auto of = std::find_if(totals.begin(), totals.end(),
                                     [&](const SourceRows& candidate) { return candidate.source == one.source; });
        rows.push_back(fmt::format("({}, {}, {}, {}, {}, {}, {})", sql::quote_text(one.source), moment(one.watermark),
                                   moment(one.newest_event), one.partitions, one.idle, moment(one.moved_at),
                                   of == totals.end() ? 0 : of->late));
    }
    return fmt::format("{}", fmt::join(rows, ", "));
}

}  // namespace weir::observe

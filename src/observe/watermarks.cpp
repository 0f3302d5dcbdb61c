#include "observe/watermarks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "observe/event_time.h"

namespace weir::observe {
namespace {

Result<std::map<std::string, std::int64_t>> late_rows(const lake::Lake& lake, sql::Connection& connection) {
    std::map<std::string, std::int64_t> late;
    WEIR_ASSIGN(const auto table, lake.table("weir/accounting"));
    WEIR_ASSIGN(const bool exists, table.exists());
    if (!exists) return late;
    WEIR_ASSIGN(const auto snapshot, table.snapshot());
    // Of a lake that knew no late rows yet.
    if (snapshot.schema().find("late") == nullptr) return late;
    WEIR_ASSIGN(const auto scan, table.scan(snapshot, {.columns = {"source", "late"}}));
    WEIR_ASSIGN(const auto rows, connection.query("SELECT source, coalesce(sum(late), 0)::BIGINT FROM " +
                                                  scan.relation + " GROUP BY 1"));
    for (std::size_t row = 0; row < rows.row_count(); ++row)
        late[std::string(rows.text(row, 0))] = rows.integer(row, 1);
    return late;
}

std::string moment(const std::optional<Time>& time) {
    return time ? fmt::format("TIMESTAMPTZ '{}'", to_iso(*time)) : "CAST(NULL AS TIMESTAMPTZ)";
}

}  // namespace

Result<std::vector<SourceWatermark>> watermarks(const lake::Lake& lake, sql::Connection& connection,
                                                const declare::Project& project, Time now) {
    std::vector<SourceWatermark> result;
    std::optional<std::map<std::string, std::int64_t>> late;
    for (const auto& source : project.sources) {
        if (!source.event_time) continue;
        SourceWatermark one{.source = source.name};
        if (!late) {
            WEIR_ASSIGN(late, late_rows(lake, connection));
        }
        one.late = late->contains(source.name) ? late->at(source.name) : 0;
        WEIR_ASSIGN(const auto table, lake.table(source.table));
        WEIR_ASSIGN(const bool exists, table.exists());
        if (exists) {
            WEIR_ASSIGN(const auto snapshot, table.snapshot());
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
                newest = std::max(newest, std::optional(of.newest));
                one.moved_at = std::max(one.moved_at, std::optional(of.landed));
            }
            if (newest) {
                WEIR_ASSIGN(one.newest_event, line.to_time(connection, *newest));
            }
        }
        result.push_back(std::move(one));
    }
    return result;
}

std::string watermark_rows(const std::vector<SourceWatermark>& sources) {
    std::vector<std::string> rows;
    for (const auto& one : sources)
        rows.push_back(fmt::format("({}, {}, {}, {}, {}, {}, {})", sql::quote_text(one.source), moment(one.watermark),
                                   moment(one.newest_event), one.partitions, one.idle, moment(one.moved_at), one.late));
    return fmt::format("{}", fmt::join(rows, ", "));
}

}  // namespace weir::observe

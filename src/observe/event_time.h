// How far a source's events have come.
//
//   progress    of each partition, the newest event time of its accepted rows, and at least the watermark that stood:
//               txn of the source's table, app "weir/event_time/SOURCE/PARTITION", version in microseconds since 1970,
//               lastUpdated when it landed. Committed with the rows; it never goes back.
//               "weir/newest_event/SOURCE/PARTITION"  the newest event time itself
//               "weir/arrival/SOURCE/PARTITION"       when a row of it was last accepted, microseconds since 1970
//   watermark   the least progress of the partitions that are not idle, less the delay: no more events are expected
//               that are not after it
//   late        an accepted row whose event time is not after the watermark that stood before its landing
//
// An event from further in the future than `ahead` moves none of it. A partition without a row for `idle` is left out;
// where all of a topic are idle, the watermark goes on with the clock. Files of a source are one partition, and have no
// clock. Whoever reads a topic knows more: a partition in which messages wait is not idle, however long ago one of it
// landed, and one of which nothing landed yet holds the watermark back until its first messages have.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "declare/project.h"
#include "lake/log/snapshot.h"
#include "observe/read_partitions.h"
#include "sql/database.h"

namespace weir::observe {

// Microseconds since 1970 in the terms of the event time column.
using EventMoment = std::int64_t;

struct PartitionProgress {
    EventMoment newest = 0;
    Time landed;                         // its last row
    std::optional<EventMoment> event{};  // the newest one; nothing: an older weir did not write it
    bool operator==(const PartitionProgress&) const = default;
};
using EventProgress = std::map<std::string, PartitionProgress>;  // by partition

// What the microseconds of the event time column mean: of a timestamp, UTC; of a wall clock reading, the project's
// zone.
class EventTimeline {
public:
    // The schema is that of the source's table.
    EventTimeline(const Schema& schema, const declare::EventTime& event_time, std::string zone);

    Result<EventMoment> from_time(sql::Connection& connection, Time time) const;
    Result<Time> to_time(sql::Connection& connection, EventMoment moment) const;
    // A value of the column.
    std::string literal(EventMoment moment) const;
    // The same of a time, as SQL.
    std::string at(Time time) const;

private:
    bool is_utc_;
    std::string zone_;
};

std::string event_time_app(const declare::Source& source, const std::string& partition);
std::string newest_event_app(const declare::Source& source, const std::string& partition);
std::string arrival_app(const declare::Source& source, const std::string& partition);

// What files of a source are called as a partition.
inline constexpr std::string_view files_partition = "files";

// As the source's table has it. Of a source of files one partition, though its rows may have come from a topic before.
EventProgress event_progress(const lake::Snapshot& snapshot, const declare::Source& source);

bool is_idle(const PartitionProgress& progress, const declare::EventTime& event_time, Time now);

// Nothing: no event came yet, or some are held back. `clock`: now, in the terms of the column; nothing where the source
// has no clock.
std::optional<EventMoment> watermark(const EventProgress& progress, const declare::EventTime& event_time, Time now,
                                     std::optional<EventMoment> clock, const ReadPartitions& read = {});

// What the partition's progress becomes by a landing whose newest event was `newest`: behind the watermark that stood,
// it would pull that back.
EventMoment advanced(const EventProgress& before, const std::string& partition, EventMoment newest,
                     std::optional<EventMoment> watermark_before, const declare::EventTime& event_time);

}  // namespace weir::observe

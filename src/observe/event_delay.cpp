#include "observe/event_delay.h"

#include <fmt/format.h>

#include "observe/event_time.h"

namespace weir::observe {

void EventDelays::add(const EventDelays& other) {
    for (std::size_t i = 0; i < within.size(); ++i) within.at(i) += other.within.at(i);
    events += other.events;
    seconds += other.seconds;
}

std::string event_delay_columns(const std::string& column, const EventTimeline& timeline, Time now) {
    std::string columns;
    for (const auto bound : EventDelays::bounds_seconds)
        columns += fmt::format("count(*) FILTER ({} >= {}), ", column, timeline.at(now - std::chrono::seconds(bound)));
    return columns +
           fmt::format("count({0}), coalesce(sum(greatest(epoch_us({1}) - epoch_us({0}), 0)), 0)::DOUBLE / 1e6", column,
                       timeline.at(now));
}

EventDelays event_delays(const sql::Rows& rows, std::size_t row, std::size_t column) {
    EventDelays delays;
    for (auto& count : delays.within) count = rows.integer(row, column++);
    delays.events = rows.integer(row, column++);
    delays.seconds = rows.real(row, column);
    return delays;
}

}  // namespace weir::observe

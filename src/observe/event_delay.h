// How long after they happened events were in the lake: a histogram, as Prometheus counts one.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "sql/database.h"

namespace weir::observe {

class EventTimeline;

struct EventDelays {
    static constexpr std::array<std::int64_t, 10> bounds_seconds{1, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400};

    std::array<std::int64_t, bounds_seconds.size()> within{};  // events that came within the bound: cumulative
    std::int64_t events = 0;
    double seconds = 0;  // of all of them, added up; an event from the future has none

    void add(const EventDelays& other);
};

// Aggregates over rows with an event time, as SQL: as many as the members, in their order. The column is named as it
// stands in SQL.
std::string event_delay_columns(const std::string& column, const EventTimeline& timeline, Time now);
// What they gave in a row, from this column of the result on.
EventDelays event_delays(const sql::Rows& rows, std::size_t row, std::size_t column);

}  // namespace weir::observe

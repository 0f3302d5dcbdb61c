// Half-open data intervals [from, to) on calendar days.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

using Day = std::chrono::sys_days;

// "2024-03-01"; nothing for anything else, 2023-02-30 included.
std::optional<Day> parse_day(std::string_view text);
std::string to_string(Day day);

// The days from (inclusive) to (exclusive). In the project's zone, which is UTC unless declared.
struct Interval {
    Day from;
    Day to;
    bool operator==(const Interval&) const = default;
    std::vector<Interval> by_day() const;
};

// "2024-03-01" (one day) or "2024-03-01/2024-03-08" (end excluded).
Result<Interval> parse_interval(std::string_view text);
// "2024-03-01" for one day, "2024-03-01/2024-03-08" otherwise.
std::string to_string(const Interval& interval);

}  // namespace weir

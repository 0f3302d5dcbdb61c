#include "model/interval.h"

#include <fmt/format.h>

#include <charconv>

namespace weir {
using namespace std::chrono;

std::optional<Day> parse_day(std::string_view text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
    const auto number = [&](std::size_t at, std::size_t length) -> std::optional<int> {
        int value = 0;
        for (const char c : text.substr(at, length)) {
            if (c < '0' || c > '9') return std::nullopt;
            value = value * 10 + (c - '0');
        }
        return value;
    };
    const auto y = number(0, 4), m = number(5, 2), d = number(8, 2);
    if (!y || !m || !d) return std::nullopt;
    const year_month_day date{year{*y}, month{static_cast<unsigned>(*m)}, day{static_cast<unsigned>(*d)}};
    if (!date.ok()) return std::nullopt;
    return Day{date};
}

std::string to_string(Day day) {
    const year_month_day date{day};
    return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()));
}

std::vector<Interval> Interval::by_day() const {
    std::vector<Interval> result;
    for (Day day = from; day < to; day += days{1}) result.push_back({day, day + days{1}});
    return result;
}

Result<Interval> parse_interval(std::string_view text) {
    const auto invalid = [&] {
        return Error{.code = ErrorCode::usage,
                     .message = fmt::format("'{}' is not an interval", text),
                     .hint = "write a day, 2024-03-01, or a range with its end excluded, 2024-03-01/2024-03-08"};
    };
    const auto slash = text.find('/');
    const auto from = parse_day(text.substr(0, slash));
    if (!from) return invalid();
    if (slash == std::string_view::npos) return Interval{*from, *from + days{1}};
    const auto to = parse_day(text.substr(slash + 1));
    if (!to || *to <= *from) return invalid();
    return Interval{*from, *to};
}

std::string to_string(const Interval& interval) {
    if (interval.to == interval.from + days{1}) return to_string(interval.from);
    return fmt::format("{}/{}", to_string(interval.from), to_string(interval.to));
}

}  // namespace weir

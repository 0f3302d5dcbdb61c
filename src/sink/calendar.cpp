#include "sink/calendar.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

namespace weir::sink {
namespace {

constexpr std::array<std::int64_t, 10> powers{1,      10,      100,      1000,      10000,
                                              100000, 1000000, 10000000, 100000000, 1000000000};

// Division that rounds down, so that moments before 1970 keep a positive clock reading.
std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0); }

}  // namespace

void append_date(std::int64_t days, std::string& out) {
    // Eras of 400 years, counted from 0000-03-01.
    const std::int64_t shifted = days + 719468;
    const std::int64_t era = floor_div(shifted, 146097);
    const std::int64_t day_of_era = shifted - era * 146097;
    const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
    const std::int64_t day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    const std::int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    const std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
    fmt::format_to(std::back_inserter(out), "{}{:04}-{:02}-{:02}", year < 0 ? "-" : "", year < 0 ? -year : year, month,
                   day);
}

void append_clock(std::int64_t seconds, std::int64_t fraction, int digits, std::string& out) {
    fmt::format_to(std::back_inserter(out), "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if (fraction != 0) fmt::format_to(std::back_inserter(out), ".{:0{}}", fraction, digits);
}

void append_timestamp(std::int64_t ticks, int digits, std::string& out) {
    const auto unit = powers[static_cast<std::size_t>(digits)];
    const auto seconds = floor_div(ticks, unit);
    const auto days = floor_div(seconds, 86400);
    append_date(days, out);
    out += 'T';
    append_clock(seconds - days * 86400, ticks - seconds * unit, digits, out);
}

void append_duration(std::int32_t months, std::int32_t days, std::int64_t micros, std::string& out) {
    auto into = std::back_inserter(out);
    out += 'P';
    const auto begin = out.size();
    if (months / 12 != 0) fmt::format_to(into, "{}Y", months / 12);
    if (months % 12 != 0) fmt::format_to(into, "{}M", months % 12);
    if (days != 0) fmt::format_to(into, "{}D", days);
    if (micros != 0) {
        out += 'T';
        const auto seconds = micros / 1000000;
        if (seconds / 3600 != 0) fmt::format_to(into, "{}H", seconds / 3600);
        if (seconds / 60 % 60 != 0) fmt::format_to(into, "{}M", seconds / 60 % 60);
        const auto rest = micros % 60000000;
        if (rest != 0) {
            const auto magnitude = rest < 0 ? -rest : rest;
            fmt::format_to(into, "{}{}", rest < 0 ? "-" : "", magnitude / 1000000);
            if (magnitude % 1000000 != 0) {
                fmt::format_to(into, ".{:06}", magnitude % 1000000);
                while (out.back() == '0') out.pop_back();
            }
            out += 'S';
        }
    }
    if (out.size() == begin) out += "T0S";
}

}  // namespace weir::sink

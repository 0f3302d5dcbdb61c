#include "cli/as_of.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "model/interval.h"

namespace weir::cli {
namespace {

// Exactly `digits` digits at the front, taken off.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
    if (text.size() < digits) return std::nullopt;
    int value = 0;
    const auto done = std::from_chars(text.data(), text.data() + digits, value);
    if (done.ec != std::errc{} || done.ptr != text.data() + digits || text[0] == '-') return std::nullopt;
    text.remove_prefix(digits);
    return value;
}

bool take(std::string_view& text, char c) {
    if (text.empty() || text[0] != c) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<std::chrono::microseconds> parse_clock(std::string_view& text) {
    using namespace std::chrono;
    const auto hour = take_number(text, 2);
    if (!hour || !take(text, ':')) return std::nullopt;
    const auto minute = take_number(text, 2);
    if (!minute || *hour > 23 || *minute > 59) return std::nullopt;
    microseconds clock = hours(*hour) + minutes(*minute);
    if (!take(text, ':')) return clock;
    const auto second = take_number(text, 2);
    if (!second || *second > 59) return std::nullopt;
    clock += seconds(*second);
    if (!take(text, '.')) return clock;
    std::int64_t unit = 100000;
    bool any = false;
    while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
        clock += microseconds((text[0] - '0') * unit);
        unit /= 10;
        any = true;
        text.remove_prefix(1);
    }
    return any ? std::optional(clock) : std::nullopt;
}

std::optional<std::chrono::minutes> parse_zone(std::string_view text) {
    if (text.empty() || text == "Z" || text == "z") return std::chrono::minutes(0);
    const int sign = text[0] == '-' ? -1 : 1;
    if (!take(text, '+') && !take(text, '-')) return std::nullopt;
    const auto hour = take_number(text, 2);
    take(text, ':');
    const auto minute = text.empty() ? std::optional(0) : take_number(text, 2);
    if (!hour || !minute || !text.empty() || *hour > 15 || *minute > 59) return std::nullopt;
    return std::chrono::minutes(sign * (*hour * 60 + *minute));
}

std::optional<Time> parse_time(std::string_view text) {
    const auto day = parse_day(text.substr(0, 10));
    if (!day) return std::nullopt;
    text.remove_prefix(10);
    if (text.empty()) return Time(*day);
    if (!take(text, 'T') && !take(text, ' ')) return std::nullopt;
    const auto clock = parse_clock(text);
    const auto zone = parse_zone(text);
    if (!clock || !zone) return std::nullopt;
    return Time(*day) + *clock - *zone;
}

}  // namespace

Result<lake::At> parse_as_of(std::string_view text) {
    std::int64_t version = 0;
    const auto done = std::from_chars(text.data(), text.data() + text.size(), version);
    if (done.ec == std::errc{} && done.ptr == text.data() + text.size() && version >= 0)
        return lake::At(lake::TableVersion(version));
    if (const auto time = parse_time(text)) return lake::At(lake::AtTime{*time});
    return Error{.code = ErrorCode::usage,
                 .message = fmt::format("--as-of cannot be '{}'", text),
                 .hint = "a version number, a day (2024-03-01) or a time (2024-03-01T10:00:00Z)"};
}

}  // namespace weir::cli

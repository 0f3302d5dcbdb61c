#include "source/columns/date_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "source/columns/cast.h"

namespace weir::source {

struct DatePattern::Parts {
    int year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0, micros = 0, offset = 0;
    int half = -1;  // 0: am, 1: pm
};

Result<DatePattern> DatePattern::compile(std::string_view pattern) {
    DatePattern compiled;
    bool year = false, month = false, day = false;
    const auto refuse = [&](std::string_view what) {
        return Error{.code = ErrorCode::project_invalid,
                     .message = fmt::format("the date pattern '{}' has {}", pattern, what),
                     .hint =
                         "understood are yyyy, yy, MM, M, MMM, dd, d, HH, H, hh, h, a, mm, ss, S to SSSSSSSSS, X, "
                         "XX, XXX, 'quoted text' and punctuation"};
    };
    const auto literal = [&](char c) {
        if (compiled.steps_.empty() || compiled.steps_.back().kind != Step::Kind::literal)
            compiled.steps_.push_back({.kind = Step::Kind::literal, .digits = 0, .text = {}});
        compiled.steps_.back().text += c;
    };
    for (std::size_t at = 0; at < pattern.size();) {
        const char c = pattern[at];
        if (c == '\'') {
            if (at + 1 < pattern.size() && pattern[at + 1] == '\'') {
                literal('\'');
                at += 2;
                continue;
            }
            const auto end = pattern.find('\'', at + 1);
            if (end == std::string_view::npos) return refuse("a quote that is not closed");
            for (const char q : pattern.substr(at + 1, end - at - 1)) literal(q);
            at = end + 1;
            continue;
        }
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) {
            literal(c);
            ++at;
            continue;
        }
        std::size_t end = at;
        while (end < pattern.size() && pattern[end] == c) ++end;
        const auto count = static_cast<int>(end - at);
        const auto letters = pattern.substr(at, end - at);
        at = end;
        using K = Step::Kind;
        const auto add = [&](K kind, int digits) { compiled.steps_.push_back({kind, digits, {}}); };
        const bool one_or_two = count <= 2;
        if ((c == 'y' || c == 'u') && (count == 4 || count == 2))
            add(count == 4 ? K::year : K::year2, count), year = true;
        else if (c == 'M' && one_or_two)
            add(K::month, count), month = true;
        else if (c == 'M' && count == 3)
            add(K::month_name, 0), month = true;
        else if (c == 'd' && one_or_two)
            add(K::day, count), day = true;
        else if (c == 'H' && one_or_two)
            add(K::hour, count), compiled.has_time_ = true;
        else if (c == 'h' && one_or_two)
            add(K::hour12, count), compiled.has_time_ = true;
        else if (c == 'm' && one_or_two)
            add(K::minute, count), compiled.has_time_ = true;
        else if (c == 's' && one_or_two)
            add(K::second, count), compiled.has_time_ = true;
        else if (c == 'S' && count <= 9)
            add(K::fraction, count), compiled.has_time_ = true;
        else if (c == 'a' && count == 1)
            add(K::half, 0);
        else if (c == 'X' && count <= 3)
            add(K::zone, count);
        else
            return refuse(fmt::format("'{}', which is not understood", letters));
    }
    if (!year || !month || !day) return refuse("no year, month or day");
    const auto has = [&](Step::Kind kind) {
        return std::any_of(compiled.steps_.begin(), compiled.steps_.end(),
                           [&](const Step& s) { return s.kind == kind; });
    };
    if (has(Step::Kind::hour12) != has(Step::Kind::half)) return refuse("only one of h and a; they belong together");
    return compiled;
}

bool DatePattern::parse(std::string_view text, Parts& parts) const {
    text = trimmed(text);
    const char* at = text.data();
    const char* end = at + text.size();
    const auto number = [&](int digits, int& value) {
        int wanted = digits;
        if (digits == 1) wanted = end - at >= 2 && at[1] >= '0' && at[1] <= '9' ? 2 : 1;
        if (end - at < wanted || !digits_at(at, wanted, value)) return false;
        at += wanted;
        return true;
    };
    for (const auto& step : steps_) {
        using K = Step::Kind;
        switch (step.kind) {
            case K::literal:
                if (std::string_view(at, static_cast<std::size_t>(end - at)).substr(0, step.text.size()) != step.text)
                    return false;
                at += step.text.size();
                break;
            case K::year:
                if (!number(4, parts.year)) return false;
                break;
            case K::year2:
                if (!number(2, parts.year)) return false;
                parts.year += 2000;  // as the JDK does
                break;
            case K::month:
                if (!number(step.digits, parts.month)) return false;
                break;
            case K::month_name: {
                constexpr std::array<std::string_view, 12> names = {"jan", "feb", "mar", "apr", "may", "jun",
                                                                    "jul", "aug", "sep", "oct", "nov", "dec"};
                if (end - at < 3) return false;
                const std::array<char, 3> low = {static_cast<char>(at[0] | 0x20), static_cast<char>(at[1] | 0x20),
                                                 static_cast<char>(at[2] | 0x20)};
                const auto found = std::find(names.begin(), names.end(), std::string_view(low.data(), 3));
                if (found == names.end()) return false;
                parts.month = static_cast<int>(found - names.begin()) + 1;
                at += 3;
                break;
            }
            case K::day:
                if (!number(step.digits, parts.day)) return false;
                break;
            case K::hour:
                if (!number(step.digits, parts.hour) || parts.hour > 23) return false;
                break;
            case K::hour12:
                if (!number(step.digits, parts.hour) || parts.hour < 1 || parts.hour > 12) return false;
                break;
            case K::minute:
                if (!number(step.digits, parts.minute) || parts.minute > 59) return false;
                break;
            case K::second:
                if (!number(step.digits, parts.second) || parts.second > 59) return false;
                break;
            case K::fraction:
                if (end - at < step.digits ||
                    !cast_fraction(std::string_view(at, static_cast<std::size_t>(step.digits)), parts.micros))
                    return false;
                at += step.digits;
                break;
            case K::half: {
                if (end - at < 2 || (at[1] | 0x20) != 'm') return false;
                const char c = static_cast<char>(at[0] | 0x20);
                if (c != 'a' && c != 'p') return false;
                parts.half = c == 'p' ? 1 : 0;
                at += 2;
                break;
            }
            case K::zone: {
                const char* from = at;
                if (at != end && (*at == 'Z')) {
                    ++at;
                } else {
                    const int length = step.digits == 1 ? 3 : step.digits == 2 ? 5 : 6;
                    if (end - at < length) return false;
                    at += length;
                }
                bool written = false;
                if (*from == ' ' ||
                    !cast_zone(std::string_view(from, static_cast<std::size_t>(at - from)), parts.offset, written))
                    return false;
                break;
            }
        }
    }
    if (parts.half >= 0) parts.hour = parts.hour % 12 + 12 * parts.half;
    return at == end;
}

bool DatePattern::date(std::string_view text, std::int32_t& days) const {
    Parts parts;
    return parse(text, parts) && days_of(parts.year, parts.month, parts.day, days);
}

bool DatePattern::timestamp(std::string_view text, std::int64_t& micros) const {
    Parts parts;
    std::int32_t days = 0;
    if (!parse(text, parts) || !days_of(parts.year, parts.month, parts.day, days)) return false;
    micros =
        days * micros_per_day +
        (static_cast<std::int64_t>(parts.hour) * 3600 + parts.minute * 60 + parts.second - parts.offset) * 1'000'000 +
        parts.micros;
    return true;
}

}  // namespace weir::source

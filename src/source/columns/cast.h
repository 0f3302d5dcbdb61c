// Text to value, strictly: a text that is not exactly the value is refused, never rounded, cut or guessed.
//
// ASCII blanks (space, tab) around a value are allowed and ignored, for every type but text itself. What each cast
// takes:
//   integer    optional sign, digits
//   decimal    optional sign, digits, optional point and digits; digits beyond the scale must be zeros
//   float      what std::from_chars takes, an optional '+', and NaN, Infinity, -Infinity spelt exactly so
//   boolean    true, false (any case), 1, 0
//   date       2024-03-01
//   timestamp  a date, then 'T', 't' or a blank and 10:00, 10:00:00 or 10:00:00.123456[000]; then nothing or 'Z' or '
//   UTC'
//              (UTC) or an offset +02, +0200, +02:00. Nothing finer than a microsecond is taken.
#pragma once

#include <charconv>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>

#include "base/ascii.h"

namespace weir::source {

__extension__ typedef __int128 int128;

template <class T>
inline bool cast_integer(std::string_view text, T& value) {
    text = trimmed(text);
    const char* at = text.data();
    const char* end = at + text.size();
    if (at == end) return false;
    const bool negative = *at == '-';
    if (negative || *at == '+') ++at;
    const auto digits = end - at;
    if (digits == 0) return false;
    std::uint64_t number = 0;
    if (digits <= 19) {
        for (; at != end; ++at) {
            const auto digit = static_cast<unsigned char>(*at - '0');
            if (digit > 9) return false;
            number = number * 10 + digit;
        }
    } else {
        for (; at != end; ++at) {
            const auto digit = static_cast<unsigned char>(*at - '0');
            if (digit > 9) return false;
            if (__builtin_mul_overflow(number, std::uint64_t{10}, &number) ||
                __builtin_add_overflow(number, std::uint64_t{digit}, &number))
                return false;
        }
    }
    const auto bound = static_cast<std::uint64_t>(std::numeric_limits<T>::max()) + (negative ? 1 : 0);
    if (number > bound) return false;
    value = static_cast<T>(negative ? std::uint64_t{0} - number : number);
    return true;
}

// The unscaled value of a decimal(precision, scale). T holds every value of that precision.
template <class T>
inline bool cast_decimal(std::string_view text, int precision, int scale, T& value) {
    text = trimmed(text);
    const char* at = text.data();
    const char* end = at + text.size();
    if (at == end) return false;
    const bool negative = *at == '-';
    if (negative || *at == '+') ++at;
    T number = 0;
    int significant = 0;  // digits after leading zeros, at the scale
    bool any = false;
    for (; at != end && *at != '.'; ++at) {
        const auto digit = static_cast<unsigned char>(*at - '0');
        if (digit > 9) return false;
        any = true;
        if (digit != 0 || significant != 0) {
            if (++significant > precision - scale) return false;
        }
        number = static_cast<T>(number * 10 + digit);
    }
    int fraction = 0;
    if (at != end) {
        ++at;
        for (; at != end; ++at) {
            const auto digit = static_cast<unsigned char>(*at - '0');
            if (digit > 9) return false;
            any = true;
            if (fraction == scale) {
                if (digit != 0) return false;
                continue;
            }
            number = static_cast<T>(number * 10 + digit);
            ++fraction;
        }
    }
    if (!any) return false;
    for (; fraction < scale; ++fraction) number = static_cast<T>(number * 10);
    value = negative ? static_cast<T>(-number) : number;
    return true;
}

template <class T>
inline bool cast_float(std::string_view text, T& value) {
    text = trimmed(text);
    if (text.empty()) return false;
    if (text.front() == '+') {
        text.remove_prefix(1);
        if (text.empty() || text.front() == '-') return false;
    }
    const char first = text.front() == '-' && text.size() > 1 ? text[1] : text.front();
    if (first >= 'A') {
        if (text == "NaN")
            value = std::numeric_limits<T>::quiet_NaN();
        else if (text == "Infinity")
            value = std::numeric_limits<T>::infinity();
        else if (text == "-Infinity")
            value = -std::numeric_limits<T>::infinity();
        else
            return false;
        return true;
    }
    const auto done = std::from_chars(text.data(), text.data() + text.size(), value);
    return done.ec == std::errc{} && done.ptr == text.data() + text.size();
}

inline bool cast_boolean(std::string_view text, bool& value) {
    text = trimmed(text);
    const auto is = [&](std::string_view word) {
        if (text.size() != word.size()) return false;
        for (std::size_t i = 0; i < word.size(); ++i)
            if ((text[i] | 0x20) != word[i]) return false;
        return true;
    };
    if (text == "1" || is("true"))
        value = true;
    else if (text == "0" || is("false"))
        value = false;
    else
        return false;
    return true;
}

// Days from 1970-01-01 of a day of the proleptic Gregorian calendar; false when there is no such day.
inline bool days_of(int year, int month, int day, std::int32_t& days) {
    if (month < 1 || month > 12 || day < 1) return false;
    constexpr std::int8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day > lengths[month - 1] + (month == 2 && leap ? 1 : 0)) return false;
    // Years start in March, so that the leap day is the last one.
    const int y = month <= 2 ? year - 1 : year;
    const int era = (y >= 0 ? y : y - 399) / 400;
    const int of_era = y - era * 400;
    const int of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
    return true;
}

// Exactly `count` digits at `at`.
inline bool digits_at(const char* at, int count, int& value) {
    int number = 0;
    for (int i = 0; i < count; ++i) {
        const auto digit = static_cast<unsigned char>(at[i] - '0');
        if (digit > 9) return false;
        number = number * 10 + digit;
    }
    value = number;
    return true;
}

// "2024-03-01" at `at`.
inline bool date_at(const char* at, std::int32_t& days) {
    const auto digit = [at](int i) { return static_cast<unsigned>(static_cast<unsigned char>(at[i])) - '0'; };
    const unsigned y0 = digit(0), y1 = digit(1), y2 = digit(2), y3 = digit(3);
    const unsigned m0 = digit(5), m1 = digit(6), d0 = digit(8), d1 = digit(9);
    const bool bad = (y0 > 9) | (y1 > 9) | (y2 > 9) | (y3 > 9) | (m0 > 9) | (m1 > 9) | (d0 > 9) | (d1 > 9) |
                     (at[4] != '-') | (at[7] != '-');
    return !bad && days_of(static_cast<int>(y0 * 1000 + y1 * 100 + y2 * 10 + y3), static_cast<int>(m0 * 10 + m1),
                           static_cast<int>(d0 * 10 + d1), days);
}

inline bool cast_date(std::string_view text, std::int32_t& days) {
    text = trimmed(text);
    return text.size() == 10 && date_at(text.data(), days);
}

enum class Zone { allowed, refused };

// "Z", " UTC", "+02", "+0200", "+02:00" or nothing: the offset in seconds, and whether one was written.
inline bool cast_zone(std::string_view text, int& offset_seconds, bool& written) {
    offset_seconds = 0;
    written = !text.empty();
    if (text.empty() || text == "Z" || text == "z") return true;
    if (text.front() == ' ') text.remove_prefix(1);
    if (text == "UTC") return true;
    if (text.empty() || (text.front() != '+' && text.front() != '-')) return false;
    const int sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
    int hours = 0, minutes = 0;
    if (text.size() == 2) {
        if (!digits_at(text.data(), 2, hours)) return false;
    } else if (text.size() == 4) {
        if (!digits_at(text.data(), 2, hours) || !digits_at(text.data() + 2, 2, minutes)) return false;
    } else if (text.size() == 5 && text[2] == ':') {
        if (!digits_at(text.data(), 2, hours) || !digits_at(text.data() + 3, 2, minutes)) return false;
    } else {
        return false;
    }
    // The widest offset that any zone ever had is below 16 hours.
    if (hours > 15 || minutes > 59) return false;
    offset_seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

// A fraction of a second without its point: microseconds; beyond the sixth digit only zeros, nine digits at most.
inline bool cast_fraction(std::string_view digits, int& micros) {
    if (digits.empty() || digits.size() > 9) return false;
    micros = 0;
    int scale = 100000;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const auto digit = static_cast<unsigned char>(digits[i] - '0');
        if (digit > 9 || (i >= 6 && digit != 0)) return false;
        micros += digit * scale;
        scale /= 10;
    }
    return true;
}

inline constexpr std::int64_t micros_per_day = 86'400'000'000;

// Microseconds from 1970-01-01 00:00 UTC; a text without a zone is UTC. Zone::refused: a wall clock reading, no zone.
inline bool cast_timestamp(std::string_view text, Zone zone, std::int64_t& micros) {
    text = trimmed(text);
    if (text.size() < 16) return false;
    const char* at = text.data();
    std::int32_t days = 0;
    int hours = 0, minutes = 0, seconds = 0, fraction = 0;
    if (!date_at(at, days) || (at[10] != 'T' && at[10] != ' ' && at[10] != 't')) return false;
    if (!digits_at(at + 11, 2, hours) || at[13] != ':' || !digits_at(at + 14, 2, minutes)) return false;
    std::size_t used = 16;
    if (text.size() > 16 && at[16] == ':') {
        if (text.size() < 19 || !digits_at(at + 17, 2, seconds)) return false;
        used = 19;
        if (text.size() > 19 && at[19] == '.') {
            used = 20;
            while (used < text.size() && at[used] >= '0' && at[used] <= '9') ++used;
            if (!cast_fraction(text.substr(20, used - 20), fraction)) return false;
        }
    }
    if (hours > 23 || minutes > 59 || seconds > 59) return false;
    int offset = 0;
    bool written = false;
    if (!cast_zone(text.substr(used), offset, written)) return false;
    if (written && zone == Zone::refused) return false;
    micros = days * micros_per_day +
             (static_cast<std::int64_t>(hours) * 3600 + minutes * 60 + seconds - offset) * 1'000'000 + fraction;
    return true;
}

}  // namespace weir::source

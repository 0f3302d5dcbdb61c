#include "declare/contract_values.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "declare/text.h"
#include "model/interval.h"

namespace weir::declare {
namespace {

bool parse_int(std::string_view text, int& value) {
    text = trimmed(text);
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    return !text.empty() && failure == std::errc{} && end == text.data() + text.size();
}

bool is_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_number(std::string_view text) {
    if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
    double value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    return !text.empty() && std::isdigit(static_cast<unsigned char>(text.front())) && failure == std::errc{} &&
           end == text.data() + text.size();
}

// After the day: "T10:00", " 10:00:00.123", with Z or ±hh:mm or nothing.
bool is_time_of_day(std::string_view text) {
    if (text.empty()) return true;
    if (text.front() != 'T' && text.front() != ' ') return false;
    text.remove_prefix(1);
    if (text.size() < 5 || !is_digits(text.substr(0, 2)) || text[2] != ':' || !is_digits(text.substr(3, 2)))
        return false;
    if (text.substr(0, 2) > "23" || text.substr(3, 2) > "59") return false;
    text.remove_prefix(5);
    if (text.starts_with(':')) {
        if (text.size() < 3 || !is_digits(text.substr(1, 2)) || text.substr(1, 2) > "59") return false;
        text.remove_prefix(3);
        if (text.starts_with('.')) {
            const auto end = text.find_first_not_of("0123456789", 1);
            if (end == 1 || text.size() == 1) return false;
            text.remove_prefix(end == std::string_view::npos ? text.size() : end);
        }
    }
    if (text.empty() || text == "Z") return true;
    if (text.front() != '+' && text.front() != '-') return false;
    text.remove_prefix(1);
    if (text.size() == 2) return is_digits(text);
    return text.size() == 5 && is_digits(text.substr(0, 2)) && text[2] == ':' && is_digits(text.substr(3));
}

}  // namespace

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

std::optional<int> retention_days(std::string_view value, std::string_view unit) {
    int number = 0;
    if (!parse_int(value, number) || number < 0 || number > 1'000'000) return std::nullopt;
    const auto word = lower(unit);
    if (word == "d" || word == "day" || word == "days") return number;
    if (word == "w" || word == "week" || word == "weeks") return number * 7;
    if (word == "m" || word == "month" || word == "months") return number * 30;
    if (word == "y" || word == "yr" || word == "year" || word == "years") return number * 365;
    return std::nullopt;
}

PhysicalDecimal parse_decimal(std::string_view physical_type) {
    auto text = lower(trimmed(physical_type));
    PhysicalDecimal result;
    std::string_view rest = text;
    if (rest.starts_with("decimal")) {
        rest.remove_prefix(7);
    } else if (rest.starts_with("numeric")) {
        rest.remove_prefix(7);
    } else {
        return result;
    }
    result.wanted = true;
    rest = trimmed(rest);
    if (!rest.starts_with('(') || !rest.ends_with(')')) return result;
    rest = rest.substr(1, rest.size() - 2);
    const auto comma = rest.find(',');
    int precision = 0, scale = 0;
    if (!parse_int(rest.substr(0, comma), precision)) return result;
    if (comma != std::string_view::npos && !parse_int(rest.substr(comma + 1), scale)) return result;
    if (precision < 1 || precision > 38 || scale < 0 || scale > precision) return result;
    result.type = Type::decimal(precision, scale);
    return result;
}

std::string unfit_value(const Type& type, std::string_view literal) {
    using enum Type::Kind;
    switch (type.kind) {
        case int8:
        case int16:
        case int32:
        case int64:
        case float32:
        case float64:
        case decimal: return is_number(literal) ? "" : "a number";
        case boolean: return literal == "true" || literal == "false" ? "" : "true or false";
        case date: return parse_day(literal) ? "" : "a day such as 2024-03-01";
        case timestamp:
        case timestamp_ntz:
            return literal.size() >= 10 && parse_day(literal.substr(0, 10)) && is_time_of_day(literal.substr(10))
                       ? ""
                       : "a time such as 2024-03-01T10:00:00Z";
        default: return "";
    }
}

}  // namespace weir::declare

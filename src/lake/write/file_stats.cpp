#include "lake/write/file_stats.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lake/log/protocol.h"
#include "lake/log/values.h"
#include "sql/database.h"

namespace weir::lake {
namespace {

constexpr std::size_t string_characters = 32;
constexpr std::size_t string_characters_max = 64;
constexpr std::int64_t default_indexed_columns = 32;

std::string json_text(std::string_view text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Bytes of the character that starts with this byte; broken UTF-8 counts byte by byte.
std::size_t character_bytes(unsigned char first) {
    if (first >= 0xF0) return 4;
    if (first >= 0xE0) return 3;
    if (first >= 0xC0) return 2;
    return 1;
}

std::size_t prefix_bytes(std::string_view text, std::size_t characters) {
    std::size_t at = 0;
    for (; characters > 0 && at < text.size(); --characters)
        at = std::min(text.size(), at + character_bytes(static_cast<unsigned char>(text[at])));
    return at;
}

std::optional<std::string> number_bound(const std::string& text) {
    double value = 0;
    const auto* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    // JSON has no spelling for infinities.
    if (error != std::errc() || at != end || !std::isfinite(value)) return std::nullopt;
    return text;
}

// Both bounds are cut to the millisecond before; readers add one to the maximum.
std::optional<std::string> timestamp_bound(const std::string& text, bool zoned) {
    const auto micros = parse_timestamp(text);
    if (!micros) return std::nullopt;
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(std::chrono::microseconds(*micros));
    const std::chrono::sys_time<std::chrono::milliseconds> time(ms);
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    if (int{date.year()} < 1 || int{date.year()} > 9999) return std::nullopt;
    const std::chrono::hh_mm_ss clock(time - day);
    return json_text(fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}{}", int{date.year()},
                                 unsigned{date.month()}, unsigned{date.day()}, clock.hours().count(),
                                 clock.minutes().count(), clock.seconds().count(), clock.subseconds().count(),
                                 zoned ? "Z" : ""));
}

std::optional<std::string> bound(const Type& type, const std::string& text, bool maximum) {
    using enum Type::Kind;
    switch (type.kind) {
        case int8:
        case int16:
        case int32:
        case int64:
        case decimal: return number_bound(text);
        case float32:
        case float64:
            // Zero has two spellings that compare as equal: the bounds must hold both.
            if (text == "-0.0" && maximum) return "0.0";
            if (text == "0.0" && !maximum) return "-0.0";
            return number_bound(text);
        case date: {
            const auto days = parse_date(text);
            return days && text.size() == 10 ? std::optional(json_text(text)) : std::nullopt;
        }
        case timestamp: return timestamp_bound(text, true);
        case timestamp_ntz: return timestamp_bound(text, false);
        case string: {
            if (!maximum) return json_text(shorten_min(text));
            const auto shorter = shorten_max(text);
            return shorter ? std::optional(json_text(*shorter)) : std::nullopt;
        }
        default: return std::nullopt;
    }
}

// The three objects side by side, nested as the columns are.
struct Sections {
    std::string min;
    std::string max;
    std::string nulls;
    static void append(std::string& section, const std::string& name, const std::string& value) {
        section += fmt::format("{}{}:{}", section.empty() ? "" : ",", json_text(name), value);
    }
};

// Which columns get statistics.
class Chosen {
public:
    explicit Chosen(const Metadata& metadata) {
        if (const auto list = property(metadata, "delta.dataSkippingStatsColumns")) {
            names_.emplace();
            std::string name;
            for (const char c : *list + ",") {
                if (c == ',') {
                    names_->push_back(std::exchange(name, {}));
                } else if (c != '`' && c != ' ') {
                    name += c;
                }
            }
            return;
        }
        left_ = default_indexed_columns;
        if (const auto count = property(metadata, "delta.dataSkippingNumIndexedCols"))
            left_ = std::atoll(count->c_str());
    }
    // Called once per leaf, in the order of the columns.
    bool take(const std::vector<std::string>& path) {
        if (!names_) return left_ < 0 || left_-- > 0;
        std::string dotted;
        for (const auto& part : path) {
            dotted += (dotted.empty() ? "" : ".") + part;
            for (const auto& name : *names_) {
                if (equal_ignoring_case(name, dotted)) return true;
            }
        }
        return false;
    }

private:
    std::optional<std::vector<std::string>> names_;
    std::int64_t left_ = 0;
};

Sections print_fields(const std::vector<Field>& fields, const WrittenStats& stats, std::vector<std::string>& path,
                      Chosen& chosen) {
    Sections sections;
    for (const auto& field : fields) {
        path.push_back(field.name);
        if (field.type.kind == Type::Kind::structure) {
            const auto inner = print_fields(field.type.fields, stats, path, chosen);
            if (!inner.min.empty()) Sections::append(sections.min, field.name, "{" + inner.min + "}");
            if (!inner.max.empty()) Sections::append(sections.max, field.name, "{" + inner.max + "}");
            if (!inner.nulls.empty()) Sections::append(sections.nulls, field.name, "{" + inner.nulls + "}");
        } else if (chosen.take(path)) {
            const auto found = stats.find(leaf_name(path));
            if (found != stats.end()) {
                const auto& leaf = found->second;
                // With NaN in the column its other values bound nothing.
                if (leaf.min && !leaf.has_nan) {
                    if (const auto min = bound(field.type, *leaf.min, false))
                        Sections::append(sections.min, field.name, *min);
                }
                if (leaf.max && !leaf.has_nan) {
                    if (const auto max = bound(field.type, *leaf.max, true))
                        Sections::append(sections.max, field.name, *max);
                }
                if (leaf.null_count) Sections::append(sections.nulls, field.name, std::to_string(*leaf.null_count));
            }
        }
        path.pop_back();
    }
    return sections;
}

}  // namespace

std::string leaf_name(const std::vector<std::string>& path) {
    std::string name;
    for (const auto& part : path) name += (name.empty() ? "" : ".") + sql::quote_name(part);
    return name;
}

std::string print_stats(const Schema& columns, const Metadata& metadata, std::int64_t rows, const WrittenStats& stats) {
    Chosen chosen(metadata);
    std::vector<std::string> path;
    const auto sections = print_fields(columns.fields, stats, path, chosen);
    return fmt::format(R"({{"numRecords":{},"minValues":{{{}}},"maxValues":{{{}}},"nullCount":{{{}}}}})", rows,
                       sections.min, sections.max, sections.nulls);
}

std::string shorten_min(std::string_view text) {
    return std::string(text.substr(0, prefix_bytes(text, string_characters)));
}

std::optional<std::string> shorten_max(std::string_view text) {
    auto end = prefix_bytes(text, string_characters);
    for (auto characters = string_characters; end < text.size() && characters <= string_characters_max; ++characters) {
        const auto next = static_cast<unsigned char>(text[end]);
        const auto bytes = character_bytes(next);
        const std::string prefix(text.substr(0, end));
        // A character that is greater than the next one makes the prefix greater than any continuation.
        if (next < 0x7F) return prefix + "\x7F";
        if (text.substr(end, bytes) < std::string_view("\xF4\x8F\xBF\xBF")) return prefix + "\xF4\x8F\xBF\xBF";
        end = std::min(text.size(), end + bytes);
    }
    if (end < text.size()) return std::nullopt;
    return std::string(text);
}

}  // namespace weir::lake

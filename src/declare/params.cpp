#include "declare/params.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/nearest.h"
#include "model/interval.h"
#include "sql/database.h"

namespace weir::declare {
namespace {

template <class T>
bool is_whole(std::string_view text) {
    T value{};
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if constexpr (std::is_floating_point_v<T>) {
        if (!std::isfinite(value)) return false;
    }
    return !text.empty() && failure == std::errc{} && end == text.data() + text.size();
}

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

// E'…' of PostgreSQL and DuckDB: control characters as escapes, so that a literal stays on one line.
std::string escaped_text(std::string_view text) {
    std::string result = "E'";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\'') {
            result += "''";
        } else if (c == '\\') {
            result += "\\\\";
        } else if (byte < 0x20) {
            result += fmt::format("\\x{:02x}", byte);
        } else {
            result += c;
        }
    }
    return result + "'";
}

}  // namespace

std::optional<std::string> check_param(const Param& param, const std::string& value, const std::filesystem::path& base,
                                       const Where& where, Problems& problems) {
    const auto refuse = [&](std::string wanted, std::string hint = {}) {
        problems.error(where, fmt::format("parameter '{}' must be {}, not '{}'", param.name, wanted, value),
                       std::move(hint), ErrorCode::param_invalid);
        return std::nullopt;
    };
    if (value.find('\0') != std::string::npos) return refuse("a text without NUL");
    switch (param.kind) {
        case Param::Kind::text: return value;
        case Param::Kind::path: {
            if (value.empty()) return refuse("a path");
            const std::filesystem::path path(value);
            return path.is_absolute() ? value : (base / path).lexically_normal().string();
        }
        case Param::Kind::date:
            if (value.empty() || parse_day(value)) return value;
            return refuse("a day of the calendar", "write it as YYYY-MM-DD");
        case Param::Kind::integer:
            if (value.empty() || is_whole<std::int64_t>(value)) return value;
            return refuse("a whole number");
        case Param::Kind::number:
            if (value.empty() || is_whole<double>(value)) return value;
            return refuse("a number");
        case Param::Kind::choice:
            if (std::find(param.choices.begin(), param.choices.end(), value) != param.choices.end()) return value;
            return refuse("one of its choices", suggest(value, param.choices));
    }
    return value;
}

std::optional<std::string> fill_params(std::string_view text, const std::map<std::string, std::string>& values,
                                       const Where& where, Problems& problems) {
    constexpr std::string_view prefix = "${param:";
    std::string filled;
    bool good = true;
    for (;;) {
        const auto at = text.find("${");
        filled += text.substr(0, at);
        if (at == std::string_view::npos) return good ? std::optional(filled) : std::nullopt;
        text.remove_prefix(at);
        const auto end = text.find('}');
        if (!text.starts_with(prefix) || end == std::string_view::npos) {
            const auto shown = text.substr(0, end == std::string_view::npos ? 20 : end + 1);
            problems.error(where, fmt::format("'{}' is not a reference that can stand here", shown),
                           "write ${param:NAME}");
            good = false;
            text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
            continue;
        }
        const std::string name(text.substr(prefix.size(), end - prefix.size()));
        const auto value = values.find(name);
        if (value == values.end()) {
            std::vector<std::string> names;
            for (const auto& [known, unused] : values) names.push_back(known);
            auto hint = suggest(name, names);
            problems.error(where, fmt::format("there is no parameter '{}'", name),
                           hint.empty() ? "declare it under params in weir.yaml" : std::move(hint));
            good = false;
        } else {
            filled += value->second;
        }
        text.remove_prefix(end + 1);
    }
}

std::string sql_literal(const Param& param, const std::string& value) {
    switch (param.kind) {
        case Param::Kind::integer: return value.empty() ? "NULL::BIGINT" : fmt::format("({}::BIGINT)", value);
        case Param::Kind::number: return value.empty() ? "NULL::DOUBLE" : fmt::format("({}::DOUBLE)", value);
        case Param::Kind::date: return value.empty() ? "NULL::DATE" : fmt::format("DATE '{}'", value);
        case Param::Kind::text:
        case Param::Kind::path:
        case Param::Kind::choice: return has_control(value) ? escaped_text(value) : sql::quote_text(value);
    }
    return "NULL";
}

}  // namespace weir::declare

#include "contract/rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "sql/database.h"

namespace weir::contract {
namespace {

using declare::Contract;
using declare::ContractColumn;
using sql::quote_name;
using sql::quote_text;

struct NamedFormat {
    std::string_view name;
    std::string_view pattern;
};

// The string formats of ODCS that can be decided from the text alone.
constexpr std::array formats{
    NamedFormat{"email", R"([^@\s]+@[^@\s.]+(\.[^@\s.]+)+)"},
    NamedFormat{"uuid", R"([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})"},
    NamedFormat{"uri", R"([A-Za-z][A-Za-z0-9+.-]*:[^\s]+)"},
    NamedFormat{"hostname",
                R"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*)"},
    NamedFormat{"ipv4", R"((25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3})"},
    NamedFormat{"ipv6", R"(([0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4})"},
};

bool is_number(std::string_view text) {
    if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
    const bool digits = std::any_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    return digits && text.find_first_not_of("0123456789.eE+-") == std::string_view::npos;
}

bool is_integer_text(std::string_view text) {
    if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

void add_bounds(const ContractColumn& column, std::vector<Rule>& rules) {
    struct Bound {
        const std::optional<std::string>& text;
        std::string_view name, comparison, words;
    };
    for (const Bound& bound :
         {Bound{column.minimum, "minimum", ">=", "at least"}, Bound{column.maximum, "maximum", "<=", "at most"},
          Bound{column.exclusive_minimum, "exclusiveMinimum", ">", "more than"},
          Bound{column.exclusive_maximum, "exclusiveMaximum", "<", "less than"}}) {
        if (!bound.text) continue;
        const auto literal = bound_literal(column, *bound.text);
        // `weir check` has refused what is no literal of the column's type.
        if (!literal) continue;
        rules.push_back({.name = std::string(bound.name),
                         .column = column.name,
                         .predicate = fmt::format("{} {} {}", quote_name(column.name), bound.comparison, *literal),
                         .reason = fmt::format("{} must be {} {}", column.name, bound.words, *bound.text)});
    }
}

void add_column_rules(const ContractColumn& column, std::vector<Rule>& rules) {
    const auto first = rules.size();
    const auto name = quote_name(column.name);
    const auto add = [&](std::string_view rule, std::string predicate, std::string reason) {
        rules.push_back({.name = std::string(rule),
                         .column = column.name,
                         .predicate = std::move(predicate),
                         .reason = std::move(reason)});
    };
    if (column.required || column.primary_key_position > 0)
        add("required", name + " IS NOT NULL", column.name + " is required and missing");
    if (column.min_length)
        add("minLength", fmt::format("length({}) >= {}", name, *column.min_length),
            fmt::format("{} must have at least {} characters", column.name, *column.min_length));
    if (column.max_length)
        add("maxLength", fmt::format("length({}) <= {}", name, *column.max_length),
            fmt::format("{} must have at most {} characters", column.name, *column.max_length));
    if (column.pattern)
        add("pattern", fmt::format("regexp_matches({}, {})", name, quote_text(*column.pattern)),
            fmt::format("{} does not match the pattern {}", column.name, *column.pattern));
    if (column.type.kind == Type::Kind::string && !column.format.empty()) {
        const auto known =
            std::find_if(formats.begin(), formats.end(), [&](const NamedFormat& f) { return f.name == column.format; });
        if (known != formats.end())
            add("format", fmt::format("regexp_full_match({}, {})", name, quote_text(known->pattern)),
                fmt::format("{} is no {}", column.name, column.format));
    }
    add_bounds(column, rules);
    if (column.multiple_of && is_number(*column.multiple_of)) {
        const bool whole = is_integer_text(*column.multiple_of) && column.type.kind != Type::Kind::float64 &&
                           column.type.kind != Type::Kind::float32;
        const auto value = whole ? name : fmt::format("CAST({} AS DECIMAL(38, 12))", name);
        const auto divisor =
            whole ? *column.multiple_of : fmt::format("CAST('{}' AS DECIMAL(38, 12))", *column.multiple_of);
        add("multipleOf", fmt::format("{} % {} = 0", value, divisor),
            fmt::format("{} must be a multiple of {}", column.name, *column.multiple_of));
    }
    if (!column.allowed.empty()) {
        std::vector<std::string> literals;
        for (const auto& value : column.allowed) {
            const auto literal = bound_literal(column, value);
            if (literal) literals.push_back(*literal);
        }
        add("enumeration", fmt::format("{} IN ({})", name, fmt::join(literals, ", ")),
            fmt::format("{} must be one of {}", column.name, fmt::join(column.allowed, ", ")));
    }
    for (auto i = first; i < rules.size(); ++i) rules[i].warn_only = column.warn_only;
}

}  // namespace

Result<std::string> bound_literal(const ContractColumn& column, const std::string& text) {
    const auto expected = [&](std::string_view what) {
        return Error{.code = ErrorCode::project_invalid,
                     .message = fmt::format("'{}' is no {}, which column '{}' holds", text, what, column.name)};
    };
    const auto typed = [&] { return fmt::format("CAST({} AS {})", quote_text(text), to_duckdb(column.type)); };
    using enum Type::Kind;
    switch (column.type.kind) {
        case int8:
        case int16:
        case int32:
        case int64:
        case decimal:
            if (!is_number(text)) return expected("number");
            // Exact as written: an integer or decimal literal is never rounded to the column's type.
            return text.front() == '+' ? text.substr(1) : text;
        case float32:
        case float64:
            if (!is_number(text)) return expected("number");
            return typed();
        case boolean:
            if (text != "true" && text != "false") return expected("boolean (true or false)");
            return text;
        default: return typed();
    }
}

std::vector<Rule> compile_rules(const Contract& contract) {
    std::vector<Rule> rules;
    for (const auto& column : contract.columns) add_column_rules(column, rules);
    for (const auto& rule : contract.row_rules) {
        rules.push_back({.name = rule.rule.empty() ? rule.id : rule.rule,
                         .column = rule.column,
                         // A row for which the expression fails breaks the rule; it does not stop the others.
                         .predicate = fmt::format("coalesce(TRY(coalesce(({}), true)), false)", rule.sql),
                         .reason = rule.description.empty() ? "does not hold: " + rule.sql : rule.description});
    }
    return rules;
}

std::string all_kept(const std::vector<Rule>& rules) {
    std::string text;
    for (const auto& rule : rules) {
        if (rule.warn_only) continue;
        text += fmt::format("{}(({}) IS NOT FALSE)", text.empty() ? "" : " AND ", rule.predicate);
    }
    return text.empty() ? "true" : text;
}

std::string broken_numbers(const std::vector<Rule>& rules) {
    std::string text = "concat_ws(','";
    for (std::size_t i = 0; i < rules.size(); ++i) {
        if (!rules[i].warn_only) text += fmt::format(", CASE WHEN ({}) IS FALSE THEN '{}' END", rules[i].predicate, i);
    }
    return text + ")";
}

}  // namespace weir::contract

#include "contract/dataset.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sql/database.h"

namespace weir::contract {
namespace {

using declare::DatasetRule;
using sql::quote_name;
using sql::quote_text;

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
    return text;
}

std::string in_list(const std::string& column, const std::vector<std::string>& values) {
    std::vector<std::string> texts;
    for (const auto& value : values) texts.push_back(quote_text(value));
    return fmt::format("CAST({} AS VARCHAR) IN ({})", column, fmt::join(texts, ", "));
}

std::string failing(const DatasetRule& rule) {
    const auto column = quote_name(rule.columns.empty() ? "" : rule.columns.front());
    switch (rule.metric) {
        case DatasetRule::Metric::null_values: return column + " IS NULL";
        case DatasetRule::Metric::missing_values:
            return fmt::format("{0} IS NULL{1}", column,
                               rule.values.empty() ? "" : " OR " + in_list(column, rule.values));
        default: {
            std::vector<std::string> valid;
            if (!rule.values.empty()) valid.push_back(in_list(column, rule.values));
            if (!rule.pattern.empty())
                valid.push_back(
                    fmt::format("regexp_matches(CAST({} AS VARCHAR), {})", column, quote_text(rule.pattern)));
            return fmt::format("({}) IS FALSE", fmt::join(valid, " AND "));
        }
    }
}

std::string_view words(DatasetRule::Operator op) {
    using enum DatasetRule::Operator;
    switch (op) {
        case be: return "must be";
        case not_be: return "must not be";
        case greater: return "must be greater than";
        case greater_or_equal: return "must be at least";
        case less: return "must be less than";
        case less_or_equal: return "must be at most";
        case between: return "must be between";
        case not_between: return "must not be between";
    }
    return "must be";
}

bool holds(const DatasetRule& rule, double value) {
    using enum DatasetRule::Operator;
    switch (rule.op) {
        case be: return value == rule.bound;
        case not_be: return value != rule.bound;
        case greater: return value > rule.bound;
        case greater_or_equal: return value >= rule.bound;
        case less: return value < rule.bound;
        case less_or_equal: return value <= rule.bound;
        case between: return value >= rule.bound && value <= rule.bound_high;
        case not_between: return value < rule.bound || value > rule.bound_high;
    }
    return false;
}

}  // namespace

std::string measure_query(const DatasetRule& rule, const std::string& relation) {
    switch (rule.metric) {
        case DatasetRule::Metric::row_count:
            return fmt::format("SELECT count(*)::DOUBLE, count(*)::DOUBLE FROM {} AS t", relation);
        case DatasetRule::Metric::duplicate_values: {
            std::vector<std::string> columns, present;
            for (const auto& name : rule.columns) {
                columns.push_back(quote_name(name));
                present.push_back(quote_name(name) + " IS NOT NULL");
            }
            // Groups, not surplus rows, as the public tester of such contracts counts them.
            return fmt::format(
                "SELECT count(*) FILTER (n > 1)::DOUBLE, coalesce(sum(n), 0)::DOUBLE FROM "
                "(SELECT count(*) AS n FROM {} AS t WHERE {} GROUP BY {})",
                relation, fmt::join(present, " AND "), fmt::join(columns, ", "));
        }
        case DatasetRule::Metric::sql: {
            auto query = rule.query;
            const auto column = quote_name(rule.columns.empty() ? "" : rule.columns.front());
            for (const auto* name : {"${object}", "{object}", "${table}", "{table}", "${model}", "{model}"})
                query = replace_all(query, name, relation);
            for (const auto* name : {"${property}", "{property}", "${column}", "{column}", "${field}", "{field}"})
                query = replace_all(query, name, column);
            return fmt::format("SELECT CAST(({}) AS DOUBLE), 0::DOUBLE", query);
        }
        default:
            return fmt::format("SELECT count(*) FILTER ({})::DOUBLE, count(*)::DOUBLE FROM {} AS t", failing(rule),
                               relation);
    }
}

Verdict judge(const DatasetRule& rule, double measured, double rows) {
    const double observed = !rule.percent ? measured : rows == 0 ? 0 : measured * 100 / rows;
    Verdict verdict{.rule = rule.id,
                    .observed = observed,
                    .passed = holds(rule, observed),
                    .severity = rule.severity,
                    .sentence = ""};
    const bool two = rule.op == DatasetRule::Operator::between || rule.op == DatasetRule::Operator::not_between;
    verdict.sentence =
        fmt::format("{} is {:.12g}{}, {} {:.12g}{}{}", rule.id, observed, rule.percent ? " %" : "", words(rule.op),
                    rule.bound, two ? fmt::format(" and {:.12g}", rule.bound_high) : "", rule.percent ? " %" : "");
    return verdict;
}

bool within_quarantine_limit(std::int64_t quarantined, std::int64_t read, double limit_percent) {
    return static_cast<double>(quarantined) * 100 <= limit_percent * static_cast<double>(read);
}

}  // namespace weir::contract

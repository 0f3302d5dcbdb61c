// Quality rules of a contract: those that one row breaks by itself become checks of the column, the others are judged
// over the rows of an intake.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/sha256.h"
#include "declare/contract_draft.h"
#include "declare/contract_values.h"
#include "declare/text.h"
#include "sql/database.h"

namespace weir::declare {
namespace {

class QualityReader {
public:
    explicit QualityReader(ContractDraft& draft) : draft_(draft) {}

    void read_quality(const YamlNode& item, ContractColumn* column) {
        OptionReader reader(item, key_section(contract_files, "quality[]"), draft_.file, draft_.problems);
        reader.ignore({"engine", "implementation", "dimension", "method", "businessImpact", "tags", "customProperties",
                       "authoritativeDefinitions", "scheduler"});
        DatasetRule rule;
        rule.where = draft_.at(item);
        const auto id = reader.take<Text>("id");
        const auto name = reader.take_or("name", std::string{});
        rule.description = reader.take_or("description", std::string{});
        const auto type = reader.take<Text>("type");
        const auto metric = reader.take<Text>("metric");
        const auto alias = reader.take<Text>("rule");
        const auto severity = lower(reader.take_or("severity", std::string("error")));
        rule.severity = Severity::error;
        if (severity == "warning" || severity == "warn") rule.severity = Severity::warning;
        if (severity == "info" || severity == "low" || severity == "minor" || severity == "trivial")
            rule.severity = Severity::info;
        const auto unit = reader.take_or("unit", std::string("rows"));
        rule.percent = unit == "percent";
        if (unit != "rows" && unit != "percent")
            draft_.problems.error(reader.where("unit"), fmt::format("'{}' is no unit", unit),
                                  suggest(unit, std::vector<std::string>{"rows", "percent"}));
        const auto* schedule = reader.take_node("schedule");
        const auto* query = reader.take_node("query");
        const auto* arguments = reader.take_map("arguments");
        const auto* old_values = reader.take_node("validValues");
        const auto kind = type ? type->text : "library";

        if (id) {
            rule.id = id->text;
            draft_.check_rule_id(rule.id, id->where);
        } else if (!name.empty()) {
            rule.id = name;
        } else {
            // Stable under changes elsewhere in the file.
            const auto content = fmt::format("{}|{}|{}|{}", column ? column->name : "", kind,
                                             metric  ? metric->text
                                             : alias ? alias->text
                                                     : "",
                                             query ? query->text : "");
            rule.id = fmt::format("{}{}_{}", column ? column->name + "_" : "",
                                  metric  ? metric->text
                                  : alias ? alias->text
                                          : kind,
                                  sha256_hex(content).substr(0, 6));
        }
        if (kind == "text" || kind == "custom") {
            for (const auto& key : key_section(contract_files, "quality[]").keys) reader.ignore({key.name});
            draft_.note(item,
                        fmt::format("quality rule '{}' of type {}", name.empty() ? rule.description : name, kind));
        } else if (kind == "library") {
            if (!metric && !alias) {
                for (const auto& key : key_section(contract_files, "quality[]").keys) reader.ignore({key.name});
                draft_.note(item, "a quality rule without a metric");
            } else {
                read_metric(reader, item, metric ? *metric : *alias, !metric, arguments, old_values, column, rule);
            }
        } else if (kind == "sql") {
            read_sql_rule(reader, item, query, column, rule);
        } else {
            draft_.problems.error(type->where, fmt::format("'{}' is no type of a quality rule", kind),
                                  suggest(kind, std::vector<std::string>{"library", "sql", "text", "custom"}));
            for (const auto& key : key_section(contract_files, "quality[]").keys) reader.ignore({key.name});
        }
        if (schedule != nullptr) draft_.note(*schedule, "the schedule of a rule (rules are judged at each intake)");
        reader.finish(draft_.version.known);
    }

private:
    struct Bound {
        DatasetRule::Operator op = DatasetRule::Operator::be;
        double low = 0, high = 0;
        bool zero = false;  // mustBe: 0
    };

    std::optional<Bound> read_bound(OptionReader& reader, const YamlNode& item, bool boolean_allowed) {
        using enum DatasetRule::Operator;
        static constexpr std::array<std::pair<std::string_view, DatasetRule::Operator>, 8> operators{
            {{"mustBe", be},
             {"mustNotBe", not_be},
             {"mustBeGreaterThan", greater},
             {"mustBeGreaterOrEqualTo", greater_or_equal},
             {"mustBeLessThan", less},
             {"mustBeLessOrEqualTo", less_or_equal},
             {"mustBeBetween", between},
             {"mustNotBeBetween", not_between}}};
        std::optional<Bound> bound;
        int count = 0;
        bool good = true;
        for (const auto& [key, op] : operators) {
            const auto* node = reader.take_node(key);
            if (node == nullptr) continue;
            ++count;
            Bound one{.op = op};
            if (op == between || op == not_between) {
                if (!node->is_sequence() || node->items.size() != 2 || !number(node->items[0], one.low) ||
                    !number(node->items[1], one.high) || !(one.low < one.high)) {
                    draft_.problems.error(draft_.at(*node),
                                          fmt::format("'{}' must be two numbers, the smaller first", key),
                                          "write [1, 10]");
                    good = false;
                }
            } else if (boolean_allowed && node->is_scalar() && (node->text == "true" || node->text == "false")) {
                one.low = node->text == "true" ? 1 : 0;
            } else if (!number(*node, one.low)) {
                draft_.problems.error(draft_.at(*node),
                                      fmt::format("'{}' must be a number, not {}", key, describe(*node)));
                good = false;
            }
            one.zero = op == be && one.low == 0;
            bound = one;
        }
        if (count != 1) {
            draft_.problems.error(draft_.at(item), count == 0 ? "the rule has no bound" : "the rule has several bounds",
                                  "give exactly one, for example mustBe: 0 or mustBeLessThan: 5");
            return std::nullopt;
        }
        return good ? bound : std::nullopt;
    }

    static bool number(const YamlNode& node, double& value) {
        if (!node.is_scalar()) return false;
        const auto [end, failure] = std::from_chars(node.text.data(), node.text.data() + node.text.size(), value);
        return failure == std::errc{} && end == node.text.data() + node.text.size() && std::isfinite(value);
    }

    void read_sql_rule(OptionReader& reader, const YamlNode& item, const YamlNode* query, const ContractColumn* column,
                       DatasetRule& rule) {
        rule.metric = DatasetRule::Metric::sql;
        const auto bound = read_bound(reader, item, true);
        if (query == nullptr || !query->is_scalar()) {
            draft_.problems.error(draft_.at(item), "a rule of type sql needs a query",
                                  "query: select count(*) from {object} where …");
            return;
        }
        if (!bound) return;
        if (rule.percent)
            draft_.problems.error(reader.where("unit"), "a rule of type sql has no percent", "compute it in the query");
        rule.query = query->text;
        rule.where = {draft_.file, query->text_line, query->text_column};
        if (column != nullptr) rule.columns.push_back(column->name);
        draft_.snippets.push_back({.kind = SqlSnippet::Kind::dataset_query,
                                   .owner = draft_.contract.name,
                                   .title = fmt::format("quality rule '{}'", rule.id),
                                   .sql = rule.query,
                                   .column = column == nullptr ? "" : column->name,
                                   .file = draft_.file,
                                   .node = *query});
        keep(rule, *bound);
    }

    void keep(DatasetRule& rule, const Bound& bound) {
        rule.op = bound.op;
        rule.bound = bound.low;
        rule.bound_high = bound.high;
        draft_.contract.dataset_rules.push_back(rule);
    }

    void read_metric(OptionReader& reader, const YamlNode& item, const Text& metric, bool old_name,
                     const YamlNode* arguments, const YamlNode* old_values, ContractColumn* column, DatasetRule& rule) {
        using enum DatasetRule::Metric;
        static constexpr std::array<std::pair<std::string_view, DatasetRule::Metric>, 5> metrics{
            {{"nullValues", null_values},
             {"missingValues", missing_values},
             {"invalidValues", invalid_values},
             {"duplicateValues", duplicate_values},
             {"rowCount", row_count}}};
        static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> old_names{
            {{"duplicateCount", "duplicateValues"},
             {"nullCount", "nullValues"},
             {"nullCheck", "nullValues"},
             {"missingCount", "missingValues"},
             {"validValues", "invalidValues"}}};
        auto name = metric.text;
        for (const auto& [old, now] : old_names) {
            if (old_name && old == name) name = now;
        }
        std::vector<std::string> names;
        const std::pair<std::string_view, DatasetRule::Metric>* found = nullptr;
        for (const auto& one : metrics) {
            names.emplace_back(one.first);
            if (one.first == name) found = &one;
        }
        if (found == nullptr) {
            draft_.problems.error(metric.where, fmt::format("'{}' is no metric", metric.text),
                                  suggest(metric.text, names));
            for (const auto& key : key_section(contract_files, "quality[]").keys) reader.ignore({key.name});
            return;
        }
        rule.metric = found->second;
        // v3.0 let "validValues" stand without a bound.
        std::optional<Bound> bound;
        if (old_name && metric.text == "validValues" && !reader.has("mustBe")) {
            bound = Bound{.zero = true};
        } else {
            bound = read_bound(reader, item, false);
        }
        if (column != nullptr) rule.columns.push_back(column->name);
        std::vector<std::string> values;
        read_arguments(arguments, old_values, rule, values);
        if (!bound) return;
        if (column == nullptr && rule.metric != row_count && rule.metric != duplicate_values) {
            draft_.problems.error(metric.where, fmt::format("the metric {} belongs to a column", name),
                                  "write it under the property's own quality");
            return;
        }
        if (rule.metric == duplicate_values && rule.columns.empty()) {
            draft_.problems.error(metric.where, "duplicateValues of a table needs its columns",
                                  "add arguments: {properties: [a, b]}");
            return;
        }
        if (rule.percent && (rule.metric == row_count || rule.metric == duplicate_values)) {
            draft_.problems.error(reader.where("unit"), fmt::format("the metric {} has no percent", name));
            return;
        }
        if (rule.metric == invalid_values && values.empty() && rule.pattern.empty()) {
            draft_.problems.error(metric.where, "invalidValues needs to know what is valid",
                                  "add arguments: {validValues: [a, b]} or {pattern: …}");
            return;
        }
        if (rule.metric == missing_values && values.empty()) {
            draft_.problems.error(metric.where, "missingValues needs to know what is missing",
                                  "add arguments: {missingValues: [\"\", N/A]}");
            return;
        }
        rule.values = values;
        if (!bound->zero || rule.percent || rule.severity != Severity::error || column == nullptr ||
            !decide_by_row(rule, *column))
            keep(rule, *bound);
    }

    void read_arguments(const YamlNode* arguments, const YamlNode* old_values, DatasetRule& rule,
                        std::vector<std::string>& values) {
        const auto take = [&](const YamlNode& list) {
            if (!list.is_sequence()) {
                draft_.problems.error(draft_.at(list), fmt::format("a list belongs here, not {}", describe(list)));
                return;
            }
            for (const auto& item : list.items) {
                // NULL is missing anyway.
                if (item.is_scalar()) values.push_back(item.text);
                if (item.is_null() && rule.metric == DatasetRule::Metric::missing_values && list.items.size() == 1)
                    values.emplace_back();
            }
        };
        if (old_values != nullptr) take(*old_values);
        if (arguments == nullptr) return;
        static const std::vector<std::string> names{"validValues", "pattern", "missingValues", "properties"};
        for (const auto& entry : arguments->entries) {
            if (entry.key == "validValues" || entry.key == "missingValues") {
                take(entry.value);
            } else if (entry.key == "pattern") {
                rule.pattern = entry.value.text;
                draft_.patterns.push_back({entry.value.text, draft_.at(entry.value)});
            } else if (entry.key == "properties" && entry.value.is_sequence()) {
                for (const auto& item : entry.value.items) {
                    if (draft_.check_column_name(item.text, draft_.at(item)))
                        rule.columns.push_back(draft_.find(item.text)->name);
                }
            } else {
                draft_.problems.error({draft_.file, entry.line, entry.column},
                                      fmt::format("'{}' is no argument of a metric", entry.key),
                                      suggest(entry.key, names));
            }
        }
    }

    // "None may break it", at a column: decided row by row, so that a row is quarantined and the rest is kept.
    bool decide_by_row(const DatasetRule& rule, ContractColumn& column) {
        using enum DatasetRule::Metric;
        switch (rule.metric) {
            case null_values: column.required = true; return true;
            case missing_values:
                column.missing.insert(column.missing.end(), rule.values.begin(), rule.values.end());
                column.required = true;
                return true;
            case invalid_values:
                if (!rule.values.empty()) {
                    if (!column.allowed.empty()) return false;
                    column.allowed = rule.values;
                }
                if (!rule.pattern.empty()) {
                    if (!column.pattern) {
                        column.pattern = rule.pattern;
                    } else {
                        draft_.contract.row_rules.push_back(
                            {.id = rule.id,
                             .sql = fmt::format("regexp_matches({}, {})", sql::quote_name(column.name),
                                                sql::quote_text(rule.pattern)),
                             .column = column.name,
                             .description = rule.description,
                             .where = rule.where});
                    }
                }
                return true;
            default: return false;
        }
    }

    ContractDraft& draft_;
};

}  // namespace

void read_quality(ContractDraft& draft, const YamlNode& item, ContractColumn* column) {
    QualityReader(draft).read_quality(item, column);
}

}  // namespace weir::declare

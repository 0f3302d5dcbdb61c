#include "contract/check.h"

#include <fmt/format.h>

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "sql/database.h"

namespace weir::contract {

std::string reading_condition(std::int64_t handle, const std::string& where_sql, const std::vector<Rule>& rules) {
    const auto kept = all_kept(rules);
    const auto reject = fmt::format("weir_reject({}, _record, {})", handle, broken_numbers(rules));
    const auto filter = where_sql.empty()
                            ? std::string()
                            : fmt::format("WHEN ({}) IS NOT TRUE THEN weir_filtered({}, _file_no) ", where_sql, handle);
    if (kept == "true") return filter.empty() ? "true" : fmt::format("CASE {}ELSE true END", filter);
    return fmt::format("CASE {}WHEN {} THEN true ELSE {} END", filter, kept, reject);
}

bool reads_type_errors(const declare::Contract& contract) {
    const auto reads = [](const std::string& sql) {
        return sql.find(declare::type_errors_column) != std::string::npos;
    };
    return std::any_of(contract.row_rules.begin(), contract.row_rules.end(),
                       [&](const auto& rule) { return reads(rule.sql); }) ||
           std::any_of(contract.columns.begin(), contract.columns.end(),
                       [&](const auto& column) { return reads(column.derived) || reads(column.fallback); });
}

std::vector<declare::ContractColumn> read_columns(const declare::Contract& contract) {
    std::vector<declare::ContractColumn> columns;
    for (const auto& column : contract.columns) {
        if (column.derived.empty()) columns.push_back(column);
    }
    return columns;
}

std::string with_derived(const std::string& rows, const declare::Contract& contract) {
    std::vector<std::string> replaced, added;
    for (const auto& column : contract.columns) {
        const auto name = sql::quote_name(column.name);
        // A value that cannot be computed is none.
        const auto value = [&](const std::string& sql) {
            return fmt::format("TRY(CAST(({}\n) AS {}))", sql, to_duckdb(column.type));
        };
        if (!column.derived.empty())
            added.push_back(fmt::format("{} AS {}", value(column.derived), name));
        else if (!column.fallback.empty())
            replaced.push_back(fmt::format("coalesce({0}, {1}) AS {0}", name, value(column.fallback)));
    }
    if (replaced.empty() && added.empty()) return rows;
    return fmt::format("(SELECT *{}{}{} FROM {})",
                       replaced.empty() ? std::string() : fmt::format(" REPLACE ({})", fmt::join(replaced, ", ")),
                       added.empty() ? "" : ", ", fmt::join(added, ", "), rows);
}

std::string checked_rows(const std::string& table, std::int64_t handle, const declare::Contract& contract,
                         const std::string& where_sql, const std::vector<Rule>& rules) {
    const auto computed = with_derived(table, contract);
    if (computed == table && !contract.first_rule_only)
        return fmt::format("(SELECT * FROM {} WHERE {})", table, reading_condition(handle, where_sql, rules));
    std::string verdict = "CASE ";
    if (!where_sql.empty()) verdict += fmt::format("WHEN ({}) IS NOT TRUE THEN '' ", where_sql);
    if (contract.first_rule_only) {
        for (std::size_t i = 0; i < rules.size(); ++i) {
            if (!rules[i].warn_only) verdict += fmt::format("WHEN ({}) IS FALSE THEN '{}' ", rules[i].predicate, i);
        }
        verdict += "WHEN false THEN '' END";
    } else {
        verdict += fmt::format("WHEN {} THEN NULL ELSE {} END", all_kept(rules), broken_numbers(rules));
    }
    return fmt::format(
        "(SELECT * EXCLUDE (_verdict) FROM (SELECT *, weir_verdict({0}) AS _verdict FROM {1}) WHERE CASE WHEN _verdict "
        "IS "
        "NULL THEN true WHEN _verdict = '' THEN weir_filtered({2}, _file_no) ELSE weir_reject({2}, _record, _verdict) "
        "END)",
        verdict, computed, handle);
}

Broken explain_broken(const std::vector<Rule>& rules, std::string_view numbers) {
    Broken broken;
    while (!numbers.empty()) {
        const auto comma = numbers.find(',');
        std::size_t number = rules.size();
        std::from_chars(numbers.data(), numbers.data() + std::min(comma, numbers.size()), number);
        if (number < rules.size()) {
            const auto& rule = rules[number];
            if (broken.rule.empty()) {
                broken.rule = rule.name;
                broken.column = rule.column;
            }
            broken.reason += (broken.reason.empty() ? "" : "; ") + rule.reason;
        }
        numbers = comma == std::string_view::npos ? std::string_view() : numbers.substr(comma + 1);
    }
    return broken;
}

}  // namespace weir::contract

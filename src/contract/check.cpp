#include "contract/check.h"

#include <fmt/format.h>

#include <charconv>

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

#include "orchestrate/trial/expected.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>

namespace weir::orchestrate::trial {
namespace {

using declare::YamlNode;

nlohmann::ordered_json json_of(const YamlNode& node) {
    if (node.is_null()) return nullptr;
    if (node.is_scalar()) return node.text;
    if (node.is_sequence()) {
        auto list = nlohmann::ordered_json::array();
        for (const auto& item : node.items) list.push_back(json_of(item));
        return list;
    }
    auto map = nlohmann::ordered_json::object();
    for (const auto& entry : node.entries) map[entry.key] = json_of(entry.value);
    return map;
}

// DuckDB's casts round, and drop what they do not need: a literal must say the value as it is.
bool fits(const std::string& text, const std::string& type) {
    static const std::regex whole("[+-]?[0-9]+"), decimal("[+-]?[0-9]+(\\.[0-9]*)?"),
        moment("[0-9]{4,}-[0-9]{2}-[0-9]{2}([ T][0-9:.]+)?"), truth("true|false"), day("[0-9]{4,}-[0-9]{2}-[0-9]{2}");
    if (type == "BOOLEAN") return std::regex_match(text, truth);
    if (type == "DATE") return std::regex_match(text, day);
    if (type == "TIMESTAMP") return std::regex_match(text, moment);
    if (type.ends_with("INT") || type == "INTEGER" || type == "UINTEGER") return std::regex_match(text, whole);
    if (!type.starts_with("DECIMAL(")) return true;
    if (!std::regex_match(text, decimal)) return false;
    const auto point = text.find('.');
    const auto last = text.find_last_not_of('0');
    const auto digits = point == std::string::npos || last <= point ? 0 : last - point;
    return digits <= std::stoul(type.substr(type.find(',') + 1));
}

Failure count_failure(const declare::ExpectedSource& expected, std::string_view what, std::int64_t wanted,
                      std::int64_t got) {
    return {.relation = expected.source,
            .column = std::string(what),
            .message = fmt::format("{} {}, not {}", got, what, wanted),
            .where = expected.where};
}

}  // namespace

Result<std::vector<Row>> expected_rows(sql::Connection& connection, const declare::ExpectedRows& expected,
                                       const std::vector<std::string>& types) {
    std::vector<Row> rows;
    for (const auto& node : expected.rows) {
        Row row;
        std::string list;
        const auto wrong = [&](std::size_t column) {
            const auto& value = *node.find(expected.columns[column]);
            return Error{.code = ErrorCode::project_invalid,
                         .message = fmt::format("this is no value of the column '{}', which is {}",
                                                expected.columns[column], types[column]),
                         .where = {expected.where.file, value.line, value.column}};
        };
        for (std::size_t i = 0; i < types.size(); ++i) {
            const auto& value = *node.find(expected.columns[i]);
            if (value.is_null())
                list += ", NULL::VARCHAR";
            else if (!value.is_scalar())
                list += fmt::format(", TRY_CAST(TRY_CAST({} AS JSON) AS {})::VARCHAR",
                                    sql::quote_text(json_of(value).dump()), types[i]);
            else if (fits(value.text, types[i]))
                list += fmt::format(", TRY_CAST({} AS {})::VARCHAR", sql::quote_text(value.text), types[i]);
            else
                return wrong(i);
        }
        if (!types.empty()) {
            WEIR_ASSIGN(const auto values, connection.query("SELECT " + list.substr(2)));
            for (std::size_t i = 0; i < types.size(); ++i) {
                row.push_back(values.text_or_null(0, i));
                if (!row.back() && !node.find(expected.columns[i])->is_null()) return wrong(i);
            }
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

std::optional<Failure> judge_counts(const declare::ExpectedSource& expected, const Counted& counted,
                                    const std::vector<Rejected>& rejected) {
    const auto count = static_cast<std::int64_t>(rejected.size());
    if (!expected.rejects) {
        const auto wanted = expected.rejected.value_or(0);
        if (wanted != count) {
            auto failure = count_failure(expected, "rejected", wanted, count);
            if (!rejected.empty())
                failure.message += fmt::format("; the first on line {}: {}: {}", rejected.front().line,
                                               rejected.front().rule, rejected.front().reason);
            return failure;
        }
    } else {
        const auto matches = [](const declare::ExpectedReject& wanted, const Rejected& row) {
            return wanted.rule == row.rule && wanted.column.value_or(row.column) == row.column &&
                   wanted.line.value_or(row.line) == row.line;
        };
        for (const auto& row : rejected) {
            if (std::none_of(expected.rejects->begin(), expected.rejects->end(),
                             [&](const auto& wanted) { return matches(wanted, row); }))
                return Failure{.relation = expected.source,
                               .column = "rejected",
                               .message = fmt::format(
                                   "line {} was rejected by {}{}, which is not expected: {}", row.line, row.rule,
                                   row.column.empty() ? "" : fmt::format(" ({})", row.column), row.reason),
                               .where = expected.where};
        }
        for (const auto& wanted : *expected.rejects) {
            const auto got = std::count_if(rejected.begin(), rejected.end(),
                                           [&](const Rejected& row) { return matches(wanted, row); });
            if (got != wanted.count)
                return Failure{.relation = expected.source,
                               .column = "rejected",
                               .message = fmt::format("{} such row{} rejected, not {}", got,
                                                      got == 1 ? " was" : "s were", wanted.count),
                               .where = wanted.where};
        }
    }
    if (expected.accepted && *expected.accepted != counted.accepted)
        return count_failure(expected, "accepted", *expected.accepted, counted.accepted);
    if (expected.duplicate && *expected.duplicate != counted.duplicate)
        return count_failure(expected, "duplicate", *expected.duplicate, counted.duplicate);
    if (expected.filtered && *expected.filtered != counted.filtered)
        return count_failure(expected, "filtered", *expected.filtered, counted.filtered);
    return std::nullopt;
}

}  // namespace weir::orchestrate::trial

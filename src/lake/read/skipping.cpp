#include "lake/read/skipping.h"

#include <fmt/format.h>

#include <cmath>

#include "base/nearest.h"

namespace weir::lake {
namespace {

bool less(const Value& a, const Value& b) { return a < b; }

bool may_match(const ColumnFacts& column, const std::optional<std::int64_t>& rows, const Predicate& predicate,
               const Type& type) {
    const bool all_null = column.all_null || (rows && column.null_count && *column.null_count >= *rows);
    if (predicate.comparison == Comparison::is_null) return !column.null_count || *column.null_count > 0;
    // No comparison holds for NULL.
    if (all_null) return false;
    if (predicate.comparison == Comparison::is_not_null) return true;
    const auto literal = parse_value(type, predicate.literal);
    if (!literal) return true;
    // NaN is larger than every number in DuckDB and writers disagree on whether bounds include it, so bounds of
    // floating point columns decide nothing upwards.
    const auto* number = std::get_if<double>(&*literal);
    if (number != nullptr && std::isnan(*number)) return true;
    const bool floating = number != nullptr;
    const auto& min = column.min;
    const auto& max = column.max;
    switch (predicate.comparison) {
        case Comparison::equal: return !(min && less(*literal, *min)) && !(max && less(*max, *literal));
        case Comparison::not_equal: return floating || !(min && max && *min == *literal && *max == *literal);
        case Comparison::less: return !(min && !less(*min, *literal));
        case Comparison::less_equal: return !(min && less(*literal, *min));
        case Comparison::greater: return floating || !(max && !less(*literal, *max));
        case Comparison::greater_equal: return floating || !(max && less(*max, *literal));
        default: return true;
    }
}

}  // namespace

Status check_predicates(const Predicates& predicates, const Schema& schema) {
    for (const auto& predicate : predicates) {
        const auto* field = schema.find(predicate.column);
        if (field == nullptr) {
            const auto names = schema.names();
            return Error{.code = ErrorCode::usage,
                         .message = fmt::format("there is no column '{}' to filter by", predicate.column),
                         .hint = suggest(predicate.column, names)};
        }
        if (predicate.comparison == Comparison::is_null || predicate.comparison == Comparison::is_not_null) continue;
        if (!parse_value(field->type, predicate.literal)) {
            return Error{.code = ErrorCode::usage,
                         .message = fmt::format("'{}' is no value of column '{}', which is {}", predicate.literal,
                                                predicate.column, to_string(field->type))};
        }
    }
    return ok();
}

bool may_match(const FileFacts& facts, const Predicates& predicates, const Schema& schema) {
    for (const auto& predicate : predicates) {
        const auto* field = schema.find(predicate.column);
        const auto column = facts.columns.find(lower_case(predicate.column));
        if (field == nullptr || column == facts.columns.end()) continue;
        if (!may_match(column->second, facts.rows, predicate, field->type)) return false;
    }
    return true;
}

}  // namespace weir::lake

#include "lake/write/casting.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"
#include "sql/database.h"

namespace weir::lake {
namespace {

bool is_integer(Type::Kind kind) {
    return kind == Type::Kind::int8 || kind == Type::Kind::int16 || kind == Type::Kind::int32 ||
           kind == Type::Kind::int64;
}

bool structs_cast_exactly(const Type& from, const Type& to) {
    const Schema available{from.fields};
    const Schema wanted{to.fields};
    const bool all_known = std::all_of(from.fields.begin(), from.fields.end(),
                                       [&](const Field& field) { return wanted.find(field.name) != nullptr; });
    return all_known && std::all_of(to.fields.begin(), to.fields.end(), [&](const Field& field) {
               const auto* source = available.find(field.name);
               return source == nullptr ? field.nullable : casts_exactly(source->type, field.type);
           });
}

Error wrong_type(const Field& column, const Type& from) {
    Error error{.code = ErrorCode::usage,
                .message = fmt::format("column '{}' comes as {}, the table has {}", column.name, to_string(from),
                                       to_string(column.type)),
                .hint = fmt::format("cast it in the query: CAST({} AS {})", sql::quote_name(column.name),
                                    to_duckdb(column.type))};
    if (from.kind == Type::Kind::timestamp_ntz && column.type.kind == Type::Kind::timestamp)
        error.hint = fmt::format("say which zone it is in: {} AT TIME ZONE 'UTC'", sql::quote_name(column.name));
    return error;
}

// A struct is taken apart and put together by the names of its fields; what is missing becomes NULL.
std::string cast_expression(const Type& from, const Type& to, const std::string& expression, int depth) {
    const auto variable = fmt::format("x{}", depth);
    switch (to.kind) {
        case Type::Kind::structure: {
            if (from.kind != Type::Kind::structure) break;
            const Schema available{from.fields};
            std::string fields;
            for (const auto& field : to.fields) {
                const auto* source = available.find(field.name);
                const auto inner =
                    source == nullptr
                        ? fmt::format("CAST(NULL AS {})", to_duckdb(field.type))
                        : cast_expression(source->type, field.type,
                                          fmt::format("{}.{}", expression, sql::quote_name(source->name)), depth);
                fields += fmt::format("{}{} := {}", fields.empty() ? "" : ", ", sql::quote_name(field.name), inner);
            }
            return fmt::format("CASE WHEN {} IS NULL THEN NULL ELSE struct_pack({}) END", expression, fields);
        }
        case Type::Kind::array:
            if (from.kind != Type::Kind::array || !to.fields[0].type.is_nested()) break;
            return fmt::format("list_transform({}, lambda {}: {})", expression, variable,
                               cast_expression(from.fields[0].type, to.fields[0].type, variable, depth + 1));
        case Type::Kind::map:
            if (from.kind != Type::Kind::map || !to.fields[1].type.is_nested()) break;
            return fmt::format(
                "map_from_entries(list_transform(map_entries({}), lambda {}: struct_pack(key := {}, value := {})))",
                expression, variable,
                cast_expression(from.fields[0].type, to.fields[0].type, variable + ".key", depth + 1),
                cast_expression(from.fields[1].type, to.fields[1].type, variable + ".value", depth + 1));
        default: break;
    }
    return fmt::format("CAST({} AS {})", expression, to_duckdb(to));
}

}  // namespace

bool casts_exactly(const Type& from, const Type& to) {
    using enum Type::Kind;
    if (from.kind == null || from == to) return true;
    if (to.kind == null) return false;
    if (from.kind == structure && to.kind == structure) return structs_cast_exactly(from, to);
    if ((from.kind == array && to.kind == array) || (from.kind == map && to.kind == map)) {
        return std::equal(from.fields.begin(), from.fields.end(), to.fields.begin(), to.fields.end(),
                          [](const Field& a, const Field& b) { return casts_exactly(a.type, b.type); });
    }
    if (from.kind == to.kind) return from.kind != decimal || to.scale >= from.scale;
    // DuckDB refuses an integer that does not fit.
    if (is_integer(from.kind)) {
        if (to.kind == float64) return from.kind != int64;
        return is_integer(to.kind) || to.kind == decimal;
    }
    // HUGEINT, which sum() over integers gives, comes as a decimal without a fraction.
    if (from.kind == decimal && from.scale == 0) return is_integer(to.kind);
    return from.kind == float32 && to.kind == float64;
}

Result<std::vector<std::string>> cast_columns(const Schema& query, const Schema& table, const std::string& source) {
    for (const auto& column : query.fields) {
        if (table.find(column.name) == nullptr) {
            const auto names = table.names();
            const auto similar = suggest(column.name, names);
            return Error{.code = ErrorCode::usage,
                         .message = fmt::format("the table has no column '{}'", column.name),
                         .hint = similar.empty() ? "leave it out, or add it to the table first" : similar};
        }
    }
    std::vector<std::string> expressions;
    for (const auto& column : table.fields) {
        const auto* from = query.find(column.name);
        if (from == nullptr) {
            if (!column.nullable) {
                return Error{
                    .code = ErrorCode::usage,
                    .message = fmt::format("the column '{}', which may not be NULL, is not given", column.name)};
            }
            expressions.push_back(fmt::format("CAST(NULL AS {})", to_duckdb(column.type)));
            continue;
        }
        if (!casts_exactly(from->type, column.type)) return wrong_type(column, from->type);
        expressions.push_back(
            cast_expression(from->type, column.type, fmt::format("{}.{}", source, sql::quote_name(from->name)), 0));
    }
    return expressions;
}

std::string null_violation(const Field& field, const std::string& expression, int depth) {
    std::string condition;
    const auto either = [&](const std::string& other) {
        if (!other.empty()) condition += (condition.empty() ? "" : " OR ") + other;
    };
    if (!field.nullable) either(fmt::format("({} IS NULL)", expression));
    const auto variable = fmt::format("v{}", depth);
    const auto& type = field.type;
    if (type.kind == Type::Kind::structure) {
        for (const auto& inner : type.fields) {
            const auto broken =
                null_violation(inner, fmt::format("{}.{}", expression, sql::quote_name(inner.name)), depth);
            if (!broken.empty()) either(fmt::format("({} IS NOT NULL AND ({}))", expression, broken));
        }
    } else if (type.kind == Type::Kind::array) {
        const auto broken = null_violation(type.fields[0], variable, depth + 1);
        if (!broken.empty())
            either(fmt::format("(coalesce(len(list_filter({}, lambda {}: {})), 0) > 0)", expression, variable, broken));
    } else if (type.kind == Type::Kind::map) {
        // DuckDB's maps have no NULL keys.
        const auto broken = null_violation(type.fields[1], variable, depth + 1);
        if (!broken.empty())
            either(fmt::format("(coalesce(len(list_filter(map_values({}), lambda {}: {})), 0) > 0)", expression,
                               variable, broken));
    }
    return condition;
}

}  // namespace weir::lake

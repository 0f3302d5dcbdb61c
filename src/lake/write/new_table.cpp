#include "lake/write/new_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"

namespace weir::lake {
namespace {

// Parquet-based tables without column mapping cannot hold these in a name.
constexpr std::string_view forbidden = " ,;{}()\n\t=";

Error refuse(std::string message, std::string hint = "") {
    return {.code = ErrorCode::usage, .message = std::move(message), .hint = std::move(hint)};
}

Status check_fields(const std::vector<Field>& fields, const std::string& parent, bool in_collection) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const auto& field = fields[i];
        const auto path = parent.empty() ? field.name : parent + "." + field.name;
        if (field.name.empty()) return refuse(fmt::format("column {} of '{}' has no name", i + 1, parent));
        if (field.name.find_first_of(forbidden) != std::string::npos) {
            auto better = field.name;
            for (char& c : better) {
                if (forbidden.find(c) != std::string_view::npos) c = '_';
            }
            return refuse(fmt::format("the column name '{}' holds a character that a Delta table cannot have: one of "
                                      "space , ; {{ }} ( ) newline tab =",
                                      path),
                          fmt::format("rename it, for example to '{}'", better));
        }
        for (std::size_t other = 0; other < i; ++other) {
            if (equal_ignoring_case(fields[other].name, field.name))
                return refuse(
                    fmt::format("the columns '{}' and '{}' differ at most in case", fields[other].name, path));
        }
        if (field.type.kind == Type::Kind::null && in_collection)
            return refuse(fmt::format("column '{}' has no type", path), "cast it, for example to VARCHAR");
        const bool collection = field.type.kind == Type::Kind::array || field.type.kind == Type::Kind::map;
        if (field.type.kind == Type::Kind::structure && field.type.fields.empty())
            return refuse(fmt::format("column '{}' is a struct without fields", path));
        WEIR_TRY(check_fields(field.type.fields, path, in_collection || collection || field.type.is_nested()));
    }
    return ok();
}

}  // namespace

Status check_new_table(const Schema& schema, const std::vector<std::string>& partition_columns) {
    if (schema.fields.empty()) return refuse("a table needs at least one column");
    WEIR_TRY(check_fields(schema.fields, "", false));
    for (std::size_t i = 0; i < partition_columns.size(); ++i) {
        const auto& name = partition_columns[i];
        const auto* field = schema.find(name);
        if (field == nullptr) {
            const auto names = schema.names();
            return refuse(fmt::format("the partition column '{}' is not a column of the table", name),
                          suggest(name, names));
        }
        if (field->type.is_nested() || field->type.kind == Type::Kind::binary || field->type.kind == Type::Kind::null) {
            return refuse(
                fmt::format("a table cannot be partitioned by '{}', which is {}", name, to_string(field->type)),
                "partition by a number, string, boolean, date or timestamp");
        }
        for (std::size_t other = 0; other < i; ++other) {
            if (equal_ignoring_case(partition_columns[other], name))
                return refuse(fmt::format("the partition column '{}' is named twice", name));
        }
    }
    const auto stored = std::count_if(schema.fields.begin(), schema.fields.end(), [&](const Field& field) {
        const bool partition = std::any_of(partition_columns.begin(), partition_columns.end(),
                                           [&](const auto& name) { return equal_ignoring_case(name, field.name); });
        return !partition && field.type.kind != Type::Kind::null;
    });
    if (stored == 0) return refuse("every column is a partition column or has no type: nothing is left for the files");
    return ok();
}

}  // namespace weir::lake

#include "orchestrate/landing_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sql/database.h"

namespace weir::orchestrate {
namespace {

using declare::Contract;
using sql::quote_name;

// The parts of the arrival day that a table can be partitioned by.
std::string_view arrival_part(std::string_view column) {
    if (column == "year") return "%Y";
    if (column == "month") return "%m";
    if (column == "day") return "%d";
    return {};
}

bool in_contract(const Contract& contract, std::string_view name) {
    return std::any_of(contract.columns.begin(), contract.columns.end(),
                       [&](const auto& column) { return equal_ignoring_case(column.name, name); });
}

}  // namespace

Schema landing_schema(const declare::Source& source, const Contract& contract) {
    Schema schema;
    for (const auto& column : contract.columns) schema.fields.push_back({.name = column.name, .type = column.type});
    const auto add = [&](std::string_view name, Type::Kind kind) {
        schema.fields.push_back({.name = std::string(name), .type = Type::of(kind)});
    };
    if (contract.unknown_columns == declare::UnknownColumns::keep) add(declare::extra_column, Type::Kind::string);
    add(declare::arrival_column, Type::Kind::date);
    add(declare::file_column, Type::Kind::string);
    add(declare::line_column, Type::Kind::int64);
    add(declare::ingested_column, Type::Kind::timestamp);
    for (const auto& name : source.partition_by) {
        if (!schema.find(name) && !arrival_part(name).empty()) add(name, Type::Kind::string);
    }
    return schema;
}

Result<SchemaChange> schema_change(const Schema& have, const Schema& want, const std::string& table) {
    SchemaChange change;
    for (const auto& field : want.fields) {
        const auto* existing = have.find(field.name);
        if (existing == nullptr) {
            change.added.push_back({.name = field.name, .type = field.type});
        } else if (!(existing->type == field.type)) {
            return Error{
                .code = ErrorCode::refused,
                .message = fmt::format("table '{}' holds column '{}' as {}, the contract now says {}", table,
                                       existing->name, weir::to_string(existing->type), weir::to_string(field.type)),
                .hint = "name the new column differently, or land the source in a new table (table: NAME)"};
        }
    }
    return change;
}

std::string landing_select(const Schema& table, const Contract& contract, const std::string& records,
                           const std::string& files, Time ingested_at) {
    std::vector<std::string> columns;
    for (const auto& field : table.fields) {
        const auto name = quote_name(field.name);
        const auto part = arrival_part(field.name);
        if (in_contract(contract, field.name) || field.name == declare::line_column)
            columns.push_back(fmt::format("{}.{}", records, name));
        else if (field.name == declare::extra_column && contract.unknown_columns == declare::UnknownColumns::keep)
            columns.push_back(fmt::format("{}.{}", records, name));
        else if (field.name == declare::arrival_column)
            columns.push_back(fmt::format("{}.arrival AS {}", files, name));
        else if (field.name == declare::file_column)
            columns.push_back(fmt::format("{}.path AS {}", files, name));
        else if (field.name == declare::ingested_column)
            columns.push_back(fmt::format("TIMESTAMPTZ '{}' AS {}", to_iso(ingested_at), name));
        else if (!part.empty())
            columns.push_back(fmt::format("strftime({}.arrival, '{}') AS {}", files, part, name));
        else
            columns.push_back(fmt::format("CAST(NULL AS {}) AS {}", to_duckdb(field.type), name));
    }
    return fmt::format("{}", fmt::join(columns, ", "));
}

}  // namespace weir::orchestrate

#include "declare/table_schema.h"

#include <algorithm>

namespace weir::declare {

Schema table_schema(const Source& source, const Contract& contract) {
    Schema schema;
    const auto add = [&](std::string name, Type type) {
        if (schema.find(name) == nullptr) schema.fields.push_back({.name = std::move(name), .type = std::move(type)});
    };
    for (const auto& column : contract.columns) {
        if (column.masking != "drop") add(column.name, column.type);
    }
    if (!source.sequence.empty()) add(source.sequence, Type::of(Type::Kind::int64));
    if (source.event_time && !source.event_time->watermark.empty()) {
        const auto column = std::find_if(contract.columns.begin(), contract.columns.end(), [&](const auto& candidate) {
            return equal_ignoring_case(candidate.name, source.event_time->column);
        });
        if (column != contract.columns.end()) add(source.event_time->watermark, column->type);
    }
    for (const auto& name : source.partition_by) {
        if (name == "year" || name == "month" || name == "day") add(name, Type::of(Type::Kind::string));
    }
    add(std::string(arrival_column), Type::of(Type::Kind::date));
    add(std::string(file_column), Type::of(Type::Kind::string));
    add(std::string(line_column), Type::of(Type::Kind::int64));
    add(std::string(ingested_column), Type::of(Type::Kind::timestamp));
    if (contract.unknown_columns == UnknownColumns::keep) add(std::string(extra_column), Type::of(Type::Kind::string));
    return schema;
}

Schema view_schema(const Source& source, const Contract& contract) {
    if (source.weight.empty()) return table_schema(source, contract);
    Schema schema;
    const auto& apart = contract.deduplicate.columns;
    for (const auto& column : contract.columns) {
        if (column.masking == "drop" || equal_ignoring_case(column.name, source.weight)) continue;
        if (std::find(apart.begin(), apart.end(), column.name) != apart.end()) continue;
        schema.fields.push_back({.name = column.name, .type = column.type});
    }
    return schema;
}

}  // namespace weir::declare

#include "declare/table_schema.h"

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

}  // namespace weir::declare

// Delta's schemaString ↔ Schema.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/schema.h"

namespace weir::lake {

// Fails with table_unsupported on a type that we do not know, by its name and column.
Result<Schema> parse_schema(std::string_view text);
std::string print_schema(const Schema& schema);

// A column's name and id inside the data files.
struct PhysicalField {
    std::string name;
    std::optional<std::int64_t> id;
};
enum class ColumnMapping { none, name, id };
// Without mapping the physical name is the logical one.
Result<PhysicalField> physical_field(const Field& field, ColumnMapping mapping);

// One value of a field's metadata, as text (JSON unless it is a string); nothing where it has none.
std::optional<std::string> field_metadata(const Field& field, std::string_view key);

}  // namespace weir::lake

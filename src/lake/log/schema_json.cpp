#include "lake/log/schema_json.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/limits.h"
#include "lake/damaged.h"

namespace weir::lake {
namespace {

using OrderedJson = nlohmann::ordered_json;

struct NamedKind {
    std::string_view name;
    Type::Kind kind;
};
constexpr std::array primitives{
    NamedKind{"string", Type::Kind::string},       NamedKind{"long", Type::Kind::int64},
    NamedKind{"integer", Type::Kind::int32},       NamedKind{"short", Type::Kind::int16},
    NamedKind{"byte", Type::Kind::int8},           NamedKind{"float", Type::Kind::float32},
    NamedKind{"double", Type::Kind::float64},      NamedKind{"boolean", Type::Kind::boolean},
    NamedKind{"binary", Type::Kind::binary},       NamedKind{"date", Type::Kind::date},
    NamedKind{"timestamp", Type::Kind::timestamp}, NamedKind{"timestamp_ntz", Type::Kind::timestamp_ntz},
    NamedKind{"void", Type::Kind::null},
};

Error unsupported(std::string message) { return {.code = ErrorCode::table_unsupported, .message = std::move(message)}; }

// "decimal(10,2)"; Spark's bare "decimal" is decimal(10,0).
std::optional<Type> parse_decimal(std::string_view text) {
    if (text == "decimal") return Type::decimal(10, 0);
    if (!text.starts_with("decimal(") || !text.ends_with(')')) return std::nullopt;
    text.remove_prefix(8);
    text.remove_suffix(1);
    const auto comma = text.find(',');
    if (comma == std::string_view::npos) return std::nullopt;
    const auto number = [](std::string_view digits) -> int {
        while (digits.starts_with(' ')) digits.remove_prefix(1);
        int value = -1;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        return error == std::errc() && end == digits.data() + digits.size() ? value : -1;
    };
    const int precision = number(text.substr(0, comma));
    const int scale = number(text.substr(comma + 1));
    if (precision < 1 || precision > 38 || scale < 0 || scale > precision) return std::nullopt;
    return Type::decimal(precision, scale);
}

Result<Type> parse_type(const OrderedJson& json, const std::string& column, int depth);

Result<std::vector<Field>> parse_fields(const OrderedJson& json, const std::string& parent, int depth) {
    const auto list = json.find("fields");
    if (list == json.end() || !list->is_array())
        return damaged(fmt::format("the struct '{}' has no list of fields", parent));
    std::vector<Field> fields;
    for (const auto& item : *list) {
        const auto name = item.is_object() ? item.find("name") : item.end();
        if (!item.is_object() || name == item.end() || !name->is_string() || !item.contains("type"))
            return damaged(fmt::format("a field of '{}' has no name or no type", parent));
        Field field{.name = name->get<std::string>(), .type = {}};
        const auto path = parent.empty() ? field.name : parent + "." + field.name;
        WEIR_ASSIGN(field.type, parse_type(item["type"], path, depth + 1));
        if (const auto nullable = item.find("nullable"); nullable != item.end() && nullable->is_boolean())
            field.nullable = nullable->get<bool>();
        if (const auto metadata = item.find("metadata"); metadata != item.end() && metadata->is_object())
            field.metadata = metadata->dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
        for (const auto& other : fields) {
            if (equal_ignoring_case(other.name, field.name))
                return damaged(fmt::format("the column '{}' occurs twice", path));
        }
        fields.push_back(std::move(field));
    }
    return fields;
}

bool flag(const OrderedJson& json, const char* key) {
    const auto found = json.find(key);
    return found == json.end() || !found->is_boolean() || found->get<bool>();
}

Result<Type> parse_type(const OrderedJson& json, const std::string& column, int depth) {
    if (depth > limits::schema_depth_max)
        return unsupported(
            fmt::format("column '{}' is nested deeper than {} levels", column, limits::schema_depth_max));
    if (json.is_string()) {
        const auto& name = json.get_ref<const std::string&>();
        for (const auto& primitive : primitives) {
            if (primitive.name == name) return Type::of(primitive.kind);
        }
        if (const auto decimal = parse_decimal(name)) return *decimal;
        return unsupported(fmt::format("column '{}' has the type '{}', which is not supported", column, name));
    }
    if (!json.is_object()) return damaged(fmt::format("column '{}' has no readable type", column));
    const auto kind = json.value("type", OrderedJson()).is_string() ? json["type"].get<std::string>() : std::string();
    if (kind == "struct") {
        Type type = Type::of(Type::Kind::structure);
        WEIR_ASSIGN(type.fields, parse_fields(json, column, depth));
        return type;
    }
    if (kind == "array" && json.contains("elementType")) {
        Type type = Type::of(Type::Kind::array);
        WEIR_ASSIGN(auto element, parse_type(json["elementType"], column + ".element", depth + 1));
        type.fields.push_back({.name = "element", .type = std::move(element), .nullable = flag(json, "containsNull")});
        return type;
    }
    if (kind == "map" && json.contains("keyType") && json.contains("valueType")) {
        Type type = Type::of(Type::Kind::map);
        WEIR_ASSIGN(auto key, parse_type(json["keyType"], column + ".key", depth + 1));
        WEIR_ASSIGN(auto value, parse_type(json["valueType"], column + ".value", depth + 1));
        type.fields.push_back({.name = "key", .type = std::move(key), .nullable = false});
        type.fields.push_back({.name = "value", .type = std::move(value), .nullable = flag(json, "valueContainsNull")});
        return type;
    }
    return unsupported(fmt::format("column '{}' has the type '{}', which is not supported", column, kind));
}

OrderedJson type_json(const Type& type);

OrderedJson fields_json(const std::vector<Field>& fields) {
    OrderedJson list = OrderedJson::array();
    for (const auto& field : fields) {
        OrderedJson metadata = OrderedJson::parse(field.metadata, nullptr, false);
        if (!metadata.is_object()) metadata = OrderedJson::object();
        OrderedJson item = OrderedJson::object();
        item["name"] = field.name;
        item["type"] = type_json(field.type);
        item["nullable"] = field.nullable;
        item["metadata"] = std::move(metadata);
        list.push_back(std::move(item));
    }
    return list;
}

OrderedJson type_json(const Type& type) {
    OrderedJson json = OrderedJson::object();
    switch (type.kind) {
        case Type::Kind::structure:
            json["type"] = "struct";
            json["fields"] = fields_json(type.fields);
            return json;
        case Type::Kind::array:
            json["type"] = "array";
            json["elementType"] = type_json(type.fields.at(0).type);
            json["containsNull"] = type.fields.at(0).nullable;
            return json;
        case Type::Kind::map:
            json["type"] = "map";
            json["keyType"] = type_json(type.fields.at(0).type);
            json["valueType"] = type_json(type.fields.at(1).type);
            json["valueContainsNull"] = type.fields.at(1).nullable;
            return json;
        default: return to_string(type);
    }
}

}  // namespace

Result<Schema> parse_schema(std::string_view text) {
    const auto json = OrderedJson::parse(text.begin(), text.end(), nullptr, false);
    if (json.is_discarded() || !json.is_object() || json.value("type", OrderedJson()) != "struct")
        return damaged("the table's schemaString is not a struct in JSON");
    Schema schema;
    WEIR_ASSIGN(schema.fields, parse_fields(json, "", 0));
    return schema;
}

std::string print_schema(const Schema& schema) {
    OrderedJson json = OrderedJson::object();
    json["type"] = "struct";
    json["fields"] = fields_json(schema.fields);
    return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

std::optional<std::string> field_metadata(const Field& field, std::string_view key) {
    if (field.metadata == "{}") return std::nullopt;
    const auto json = OrderedJson::parse(field.metadata, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    const auto found = json.find(key);
    if (found == json.end() || found->is_null()) return std::nullopt;
    return found->is_string() ? found->get<std::string>() : found->dump();
}

Result<PhysicalField> physical_field(const Field& field, ColumnMapping mapping) {
    if (mapping == ColumnMapping::none) return PhysicalField{field.name, std::nullopt};
    const auto name = field_metadata(field, "delta.columnMapping.physicalName");
    const auto id = field_metadata(field, "delta.columnMapping.id");
    std::int64_t number = 0;
    const bool has_id =
        id && std::from_chars(id->data(), id->data() + id->size(), number).ptr == id->data() + id->size();
    if (!name || (mapping == ColumnMapping::id && !has_id)) {
        return damaged(
            fmt::format("column '{}' has no physical name or id, although the table maps its columns", field.name));
    }
    return PhysicalField{*name, has_id ? std::optional(number) : std::nullopt};
}

}  // namespace weir::lake

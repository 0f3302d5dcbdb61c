#include "model/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace weir {
namespace {

std::string quoted(std::string_view name) {
    std::string text = "\"";
    for (const char c : name) {
        if (c == '"') text += '"';
        text += c;
    }
    return text + '"';
}

}  // namespace

Type Type::of(Kind kind) {
    Type type;
    type.kind = kind;
    return type;
}

Type Type::decimal(int precision, int scale) {
    Type type;
    type.kind = Kind::decimal;
    type.precision = precision;
    type.scale = scale;
    return type;
}

bool Type::is_numeric() const {
    switch (kind) {
        case Kind::int8:
        case Kind::int16:
        case Kind::int32:
        case Kind::int64:
        case Kind::float32:
        case Kind::float64:
        case Kind::decimal: return true;
        default: return false;
    }
}

bool Type::operator==(const Type& other) const {
    return kind == other.kind && precision == other.precision && scale == other.scale && fields == other.fields;
}

const Field* Schema::find(std::string_view name) const {
    const auto index = index_of(name);
    return index ? &fields[*index] : nullptr;
}

std::optional<std::size_t> Schema::index_of(std::string_view name) const {
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (equal_ignoring_case(fields[i].name, name)) return i;
    }
    return std::nullopt;
}

std::vector<std::string> Schema::names() const {
    std::vector<std::string> result;
    result.reserve(fields.size());
    for (const auto& field : fields) result.push_back(field.name);
    return result;
}

std::string to_string(const Type& type) {
    using enum Type::Kind;
    switch (type.kind) {
        case boolean: return "boolean";
        case int8: return "byte";
        case int16: return "short";
        case int32: return "integer";
        case int64: return "long";
        case float32: return "float";
        case float64: return "double";
        case decimal: return fmt::format("decimal({},{})", type.precision, type.scale);
        case string: return "string";
        case binary: return "binary";
        case date: return "date";
        case timestamp: return "timestamp";
        case timestamp_ntz: return "timestamp_ntz";
        case array: return fmt::format("array<{}>", to_string(type.fields.at(0).type));
        case map:
            return fmt::format("map<{}, {}>", to_string(type.fields.at(0).type), to_string(type.fields.at(1).type));
        case null: return "void";
        case structure: {
            std::string text = "struct<";
            for (std::size_t i = 0; i < type.fields.size(); ++i)
                text += fmt::format("{}{}: {}", i ? ", " : "", type.fields[i].name, to_string(type.fields[i].type));
            return text + ">";
        }
    }
    return "unknown";
}

std::string to_duckdb(const Type& type) {
    using enum Type::Kind;
    switch (type.kind) {
        case boolean: return "BOOLEAN";
        case int8: return "TINYINT";
        case int16: return "SMALLINT";
        case int32: return "INTEGER";
        case int64: return "BIGINT";
        case float32: return "FLOAT";
        case float64: return "DOUBLE";
        case decimal: return fmt::format("DECIMAL({},{})", type.precision, type.scale);
        case string: return "VARCHAR";
        case binary: return "BLOB";
        case date: return "DATE";
        case timestamp: return "TIMESTAMP WITH TIME ZONE";
        case timestamp_ntz: return "TIMESTAMP";
        case array: return to_duckdb(type.fields.at(0).type) + "[]";
        case map:
            return fmt::format("MAP({}, {})", to_duckdb(type.fields.at(0).type), to_duckdb(type.fields.at(1).type));
        case null: return "INTEGER";
        case structure: {
            std::string text = "STRUCT(";
            for (std::size_t i = 0; i < type.fields.size(); ++i)
                text +=
                    fmt::format("{}{} {}", i ? ", " : "", quoted(type.fields[i].name), to_duckdb(type.fields[i].type));
            return text + ")";
        }
    }
    return "VARCHAR";
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace weir

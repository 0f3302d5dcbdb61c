// Column types as a lake knows them (Delta's type system), and schemas made of them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

struct Field;

struct Type {
    enum class Kind {
        boolean,
        int8,
        int16,
        int32,
        int64,
        float32,
        float64,
        decimal,
        string,
        binary,
        date,
        timestamp,      // a moment, UTC microseconds
        timestamp_ntz,  // a wall clock reading without a zone
        structure,
        array,
        map,
        null,  // Delta's `void`
    };
    Kind kind = Kind::string;
    int precision = 0;          // decimal
    int scale = 0;              // decimal
    std::vector<Field> fields;  // structure: its fields; array: [element]; map: [key, value]

    static Type of(Kind kind);
    static Type decimal(int precision, int scale);
    bool is_nested() const { return kind == Kind::structure || kind == Kind::array || kind == Kind::map; }
    bool is_numeric() const;
    bool operator==(const Type& other) const;
};

struct Field {
    std::string name;
    Type type;
    bool nullable = true;
    std::string metadata = "{}";  // JSON object text, kept verbatim
    bool operator==(const Field&) const = default;
};

struct Schema {
    std::vector<Field> fields;
    // Compares names without regard to case, as Delta and SQL do.
    const Field* find(std::string_view name) const;
    std::optional<std::size_t> index_of(std::string_view name) const;
    std::vector<std::string> names() const;
    bool operator==(const Schema&) const = default;
};

// "decimal(10,2)", "struct<a: string>", as a person reads it (Delta's names).
std::string to_string(const Type& type);

// The DuckDB type that holds it: "BIGINT", "TIMESTAMP WITH TIME ZONE", "STRUCT(\"a\" VARCHAR)[]".
std::string to_duckdb(const Type& type);

bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace weir

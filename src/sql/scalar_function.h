// A scalar function of ours for DuckDB's C API.
#pragma once

#include <duckdb.h>

#include <cstdint>
#include <initializer_list>

namespace weir::sql {

class LogicalType {
public:
    LogicalType(duckdb_type id) : type_(duckdb_create_logical_type(id)) {}
    static LogicalType list_of(duckdb_type id) {
        const LogicalType child(id);
        return LogicalType(duckdb_create_list_type(child.get()));
    }
    static LogicalType decimal(std::uint8_t width, std::uint8_t scale) {
        return LogicalType(duckdb_create_decimal_type(width, scale));
    }
    LogicalType(const LogicalType&) = delete;
    LogicalType(LogicalType&& other) noexcept : type_(other.type_) { other.type_ = nullptr; }
    ~LogicalType() {
        if (type_ != nullptr) duckdb_destroy_logical_type(&type_);
    }
    duckdb_logical_type get() const { return type_; }

private:
    explicit LogicalType(duckdb_logical_type type) : type_(type) {}
    duckdb_logical_type type_;
};

enum class Calls {
    pure,        // a NULL among the arguments is the answer, and the same arguments give the same one
    with_nulls,  // also where an argument is NULL
    each_row,    // also then, and none of them is saved: the call does something
};

// False: DuckDB did not take it.
bool add_scalar(duckdb_connection connection, const char* name, std::initializer_list<LogicalType> parameters,
                const LogicalType& result, duckdb_scalar_function_t call, Calls calls = Calls::pure);

}  // namespace weir::sql

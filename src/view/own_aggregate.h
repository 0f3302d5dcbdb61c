// Aggregates for DuckDB's C API whose state is an object of C++, and what its callbacks need of vectors.
//
// The object has: Object(), add(const Object&), bytes(), add_bytes(std::string_view) -> bool (false: damaged). Over
// nothing the aggregate is NULL. Aggregates of the C API do not run as windows: DuckDB ends the process.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "sql/database.h"
#include "sql/scalar_function.h"

namespace weir::view {

using sql::LogicalType;

// A flat vector of a chunk.
class VectorColumn {
public:
    VectorColumn(duckdb_data_chunk chunk, idx_t index) : VectorColumn(duckdb_data_chunk_get_vector(chunk, index)) {}
    explicit VectorColumn(duckdb_vector vector)
        : vector_(vector), data_(duckdb_vector_get_data(vector)), validity_(duckdb_vector_get_validity(vector)) {}

    bool is_null(idx_t row) const { return validity_ != nullptr && !duckdb_validity_row_is_valid(validity_, row); }
    template <class Value>
    const Value& at(idx_t row) const {
        return static_cast<const Value*>(data_)[row];
    }
    double real(idx_t row) const { return at<double>(row); }
    std::int64_t integer(idx_t row) const { return at<std::int64_t>(row); }
    std::string_view bytes(idx_t row) const {
        auto* text = static_cast<duckdb_string_t*>(data_) + row;
        return {duckdb_string_t_data(text), duckdb_string_t_length(*text)};
    }
    duckdb_vector vector() const { return vector_; }

private:
    duckdb_vector vector_;
    void* data_;
    std::uint64_t* validity_;
};

template <class Object>
class OwnAggregate {
public:
    // The object of a group, made when its first value comes.
    static Object& object_in(duckdb_aggregate_state state) {
        auto& object = slot(state);
        if (object == nullptr) object = new Object();
        return *object;
    }

    static bool add(sql::Connection& connection, const char* name, std::initializer_list<duckdb_type> parameters,
                    duckdb_aggregate_update_t update) {
        auto function = duckdb_create_aggregate_function();
        duckdb_aggregate_function_set_name(function, name);
        for (const auto parameter : parameters)
            duckdb_aggregate_function_add_parameter(function, LogicalType(parameter).get());
        duckdb_aggregate_function_set_return_type(function, LogicalType(DUCKDB_TYPE_BLOB).get());
        duckdb_aggregate_function_set_functions(function, size, initialize, update, combine, finish);
        duckdb_aggregate_function_set_destructor(function, destroy);
        duckdb_aggregate_function_set_special_handling(function);
        const bool added = duckdb_register_aggregate_function(connection.raw(), function) == DuckDBSuccess;
        duckdb_destroy_aggregate_function(&function);
        return added;
    }

    // The update of an aggregate over bytes().
    static void add_bytes(duckdb_function_info info, duckdb_data_chunk input, duckdb_aggregate_state* states) {
        const VectorColumn column(input, 0);
        for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); ++row) {
            if (!column.is_null(row) && !object_in(states[row]).add_bytes(column.bytes(row)))
                return duckdb_aggregate_function_set_error(info, Object::damaged);
        }
    }

private:
    static Object*& slot(duckdb_aggregate_state state) { return *reinterpret_cast<Object**>(state); }
    static idx_t size(duckdb_function_info) { return sizeof(Object*); }
    static void initialize(duckdb_function_info, duckdb_aggregate_state state) { slot(state) = nullptr; }
    static void destroy(duckdb_aggregate_state* states, idx_t count) {
        for (idx_t i = 0; i < count; ++i) {
            delete slot(states[i]);
            slot(states[i]) = nullptr;
        }
    }
    static void combine(duckdb_function_info, duckdb_aggregate_state* sources, duckdb_aggregate_state* targets,
                        idx_t count) {
        for (idx_t i = 0; i < count; ++i) {
            if (const auto* object = slot(sources[i])) object_in(targets[i]).add(*object);
        }
    }
    static void finish(duckdb_function_info, duckdb_aggregate_state* states, duckdb_vector result, idx_t count,
                       idx_t offset) {
        duckdb_vector_ensure_validity_writable(result);
        auto* validity = duckdb_vector_get_validity(result);
        for (idx_t i = 0; i < count; ++i) {
            const auto* object = slot(states[i]);
            duckdb_validity_set_row_validity(validity, offset + i, object != nullptr);
            if (object == nullptr) continue;
            const auto bytes = object->bytes();
            duckdb_vector_assign_string_element_len(result, offset + i, bytes.data(), bytes.size());
        }
    }
};

}  // namespace weir::view

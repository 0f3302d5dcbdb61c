#include "view/exact/functions.h"

#include <array>
#include <initializer_list>
#include <memory>

#include "view/exact/accumulator.h"

namespace weir::view {
namespace {

struct State {
    ExactSum* sum;  // null: no value yet
};

State& state_of(duckdb_aggregate_state state) { return *reinterpret_cast<State*>(state); }

idx_t state_size(duckdb_function_info) { return sizeof(State); }
void initialize(duckdb_function_info, duckdb_aggregate_state state) { state_of(state).sum = nullptr; }

void destroy(duckdb_aggregate_state* states, idx_t count) {
    for (idx_t i = 0; i < count; ++i) {
        delete state_of(states[i]).sum;
        state_of(states[i]).sum = nullptr;
    }
}

ExactSum& sum_in(duckdb_aggregate_state state) {
    auto& sum = state_of(state).sum;
    if (sum == nullptr) sum = new ExactSum();
    return *sum;
}

void combine(duckdb_function_info, duckdb_aggregate_state* sources, duckdb_aggregate_state* targets, idx_t count) {
    for (idx_t i = 0; i < count; ++i) {
        if (const auto* sum = state_of(sources[i]).sum) sum_in(targets[i]).add(*sum);
    }
}

void finish(duckdb_function_info, duckdb_aggregate_state* states, duckdb_vector result, idx_t count, idx_t offset) {
    duckdb_vector_ensure_validity_writable(result);
    auto* validity = duckdb_vector_get_validity(result);
    for (idx_t i = 0; i < count; ++i) {
        const auto* sum = state_of(states[i]).sum;
        duckdb_validity_set_row_validity(validity, offset + i, sum != nullptr);
        if (sum == nullptr) continue;
        const auto bytes = sum->bytes();
        duckdb_vector_assign_string_element_len(result, offset + i, bytes.data(), bytes.size());
    }
}

class Column {
public:
    Column(duckdb_data_chunk chunk, idx_t index) {
        auto* vector = duckdb_data_chunk_get_vector(chunk, index);
        data_ = duckdb_vector_get_data(vector);
        validity_ = duckdb_vector_get_validity(vector);
    }
    bool is_null(idx_t row) const { return validity_ != nullptr && !duckdb_validity_row_is_valid(validity_, row); }
    double real(idx_t row) const { return static_cast<const double*>(data_)[row]; }
    std::int64_t integer(idx_t row) const { return static_cast<const std::int64_t*>(data_)[row]; }
    std::string_view bytes(idx_t row) const {
        auto* text = static_cast<duckdb_string_t*>(data_) + row;
        return {duckdb_string_t_data(text), duckdb_string_t_length(*text)};
    }

private:
    void* data_;
    std::uint64_t* validity_;
};

void add_values(duckdb_function_info, duckdb_data_chunk input, duckdb_aggregate_state* states) {
    const Column values(input, 0);
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); ++row) {
        if (!values.is_null(row)) sum_in(states[row]).add(values.real(row));
    }
}

void add_products(duckdb_function_info, duckdb_data_chunk input, duckdb_aggregate_state* states) {
    const Column left(input, 0), right(input, 1);
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); ++row) {
        if (!left.is_null(row) && !right.is_null(row)) sum_in(states[row]).add_product(left.real(row), right.real(row));
    }
}

constexpr const char* damaged = "these are not the bytes of an exact sum";

void add_sums(duckdb_function_info info, duckdb_data_chunk input, duckdb_aggregate_state* states) {
    const Column sums(input, 0);
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); ++row) {
        if (!sums.is_null(row) && !sum_in(states[row]).add_bytes(sums.bytes(row)))
            return duckdb_aggregate_function_set_error(info, damaged);
    }
}

void value(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    const Column sums(input, 0);
    auto* values = static_cast<double*>(duckdb_vector_get_data(output));
    duckdb_vector_ensure_validity_writable(output);
    auto* validity = duckdb_vector_get_validity(output);
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); ++row) {
        duckdb_validity_set_row_validity(validity, row, !sums.is_null(row));
        if (sums.is_null(row)) continue;
        ExactSum sum;
        if (!sum.add_bytes(sums.bytes(row))) return duckdb_scalar_function_set_error(info, damaged);
        values[row] = sum.value();
    }
}

void moment(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    const Column n(input, 0);
    const std::array<Column, 3> columns{Column(input, 1), Column(input, 2), Column(input, 3)};
    auto* values = static_cast<double*>(duckdb_vector_get_data(output));
    duckdb_vector_ensure_validity_writable(output);
    auto* validity = duckdb_vector_get_validity(output);
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); ++row) {
        std::array<ExactSum, 3> sums;
        bool known = !n.is_null(row);
        for (std::size_t i = 0; i < sums.size(); ++i) {
            known = known && !columns[i].is_null(row);
            if (known && !sums[i].add_bytes(columns[i].bytes(row)))
                return duckdb_scalar_function_set_error(info, damaged);
        }
        duckdb_validity_set_row_validity(validity, row, known);
        if (known) values[row] = ExactSum::moment(n.integer(row), sums[0], sums[1], sums[2]);
    }
}

class Type {
public:
    explicit Type(duckdb_type id) : type_(duckdb_create_logical_type(id)) {}
    Type(const Type&) = delete;
    ~Type() { duckdb_destroy_logical_type(&type_); }
    duckdb_logical_type get() const { return type_; }

private:
    duckdb_logical_type type_;
};

bool add_aggregate(sql::Connection& connection, const char* name, std::initializer_list<duckdb_type> parameters,
                   duckdb_aggregate_update_t update) {
    auto function = duckdb_create_aggregate_function();
    duckdb_aggregate_function_set_name(function, name);
    for (const auto parameter : parameters) duckdb_aggregate_function_add_parameter(function, Type(parameter).get());
    duckdb_aggregate_function_set_return_type(function, Type(DUCKDB_TYPE_BLOB).get());
    duckdb_aggregate_function_set_functions(function, state_size, initialize, update, combine, finish);
    duckdb_aggregate_function_set_destructor(function, destroy);
    duckdb_aggregate_function_set_special_handling(function);
    const bool added = duckdb_register_aggregate_function(connection.raw(), function) == DuckDBSuccess;
    duckdb_destroy_aggregate_function(&function);
    return added;
}

bool add_scalar(sql::Connection& connection, const char* name, std::initializer_list<duckdb_type> parameters,
                duckdb_scalar_function_t call) {
    auto function = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(function, name);
    for (const auto parameter : parameters) duckdb_scalar_function_add_parameter(function, Type(parameter).get());
    duckdb_scalar_function_set_return_type(function, Type(DUCKDB_TYPE_DOUBLE).get());
    duckdb_scalar_function_set_function(function, call);
    const bool added = duckdb_register_scalar_function(connection.raw(), function) == DuckDBSuccess;
    duckdb_destroy_scalar_function(&function);
    return added;
}

}  // namespace

Status add_exact_functions(sql::Connection& connection) {
    const bool added =
        add_aggregate(connection, "exact_sum", {DUCKDB_TYPE_DOUBLE}, add_values) &&
        add_aggregate(connection, "exact_product", {DUCKDB_TYPE_DOUBLE, DUCKDB_TYPE_DOUBLE}, add_products) &&
        add_aggregate(connection, "exact_merge", {DUCKDB_TYPE_BLOB}, add_sums) &&
        add_scalar(connection, "exact_value", {DUCKDB_TYPE_BLOB}, value) &&
        add_scalar(connection, "exact_moment",
                   {DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_BLOB, DUCKDB_TYPE_BLOB, DUCKDB_TYPE_BLOB}, moment);
    if (!added) return Error{.code = ErrorCode::internal, .message = "DuckDB did not take the functions of exact sums"};
    return ok();
}

}  // namespace weir::view

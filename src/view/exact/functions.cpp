#include "view/exact/functions.h"

#include <array>

#include "view/exact/accumulator.h"
#include "view/own_aggregate.h"

namespace weir::view {
namespace {

using Aggregate = OwnAggregate<ExactSum>;
using Column = VectorColumn;

void add_values(duckdb_function_info, duckdb_data_chunk input, duckdb_aggregate_state* states) {
    const Column values(input, 0);
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); ++row) {
        if (!values.is_null(row)) Aggregate::object_in(states[row]).add(values.real(row));
    }
}

void add_products(duckdb_function_info, duckdb_data_chunk input, duckdb_aggregate_state* states) {
    const Column left(input, 0), right(input, 1);
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); ++row) {
        if (!left.is_null(row) && !right.is_null(row))
            Aggregate::object_in(states[row]).add_product(left.real(row), right.real(row));
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
        if (!sum.add_bytes(sums.bytes(row))) return duckdb_scalar_function_set_error(info, ExactSum::damaged);
        values[row] = sum.value();
    }
}

// NULL is no term at all; two of them give NULL.
void minus(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    const Column from(input, 0), what(input, 1);
    duckdb_vector_ensure_validity_writable(output);
    auto* validity = duckdb_vector_get_validity(output);
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); ++row) {
        const bool known = !from.is_null(row) || !what.is_null(row);
        duckdb_validity_set_row_validity(validity, row, known);
        if (!known) continue;
        ExactSum sum, other;
        if ((!from.is_null(row) && !sum.add_bytes(from.bytes(row))) ||
            (!what.is_null(row) && !other.add_bytes(what.bytes(row))))
            return duckdb_scalar_function_set_error(info, ExactSum::damaged);
        sum.subtract(other);
        const auto bytes = sum.bytes();
        duckdb_vector_assign_string_element_len(output, row, bytes.data(), bytes.size());
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
                return duckdb_scalar_function_set_error(info, ExactSum::damaged);
        }
        duckdb_validity_set_row_validity(validity, row, known);
        if (known) values[row] = ExactSum::moment(n.integer(row), sums[0], sums[1], sums[2]);
    }
}

}  // namespace

Status add_exact_functions(sql::Connection& connection) {
    constexpr auto real = DUCKDB_TYPE_DOUBLE, blob = DUCKDB_TYPE_BLOB;
    const bool added =
        Aggregate::add(connection, "exact_sum", {real}, add_values) &&
        Aggregate::add(connection, "exact_product", {real, real}, add_products) &&
        Aggregate::add(connection, "exact_merge", {blob}, Aggregate::add_bytes) &&
        sql::add_scalar(connection.raw(), "exact_value", {LogicalType(blob)}, LogicalType(real), value) &&
        sql::add_scalar(connection.raw(), "exact_minus", {LogicalType(blob), LogicalType(blob)}, LogicalType(blob),
                        minus, sql::Calls::with_nulls) &&
        sql::add_scalar(connection.raw(), "exact_moment",
                        {LogicalType(DUCKDB_TYPE_BIGINT), LogicalType(blob), LogicalType(blob), LogicalType(blob)},
                        LogicalType(real), moment);
    if (!added) return Error{.code = ErrorCode::internal, .message = "DuckDB did not take the functions of exact sums"};
    return ok();
}

}  // namespace weir::view

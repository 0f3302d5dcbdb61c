#include "view/stored_types.h"

#include <algorithm>

#include "view/own_aggregate.h"

namespace weir::view {
namespace {

// Both are the same 16 bytes.
void hugeint(duckdb_function_info, duckdb_data_chunk input, duckdb_vector output) {
    const VectorColumn stored(input, 0);
    const auto rows = duckdb_data_chunk_get_size(input);
    std::copy_n(&stored.at<duckdb_hugeint>(0), rows, static_cast<duckdb_hugeint*>(duckdb_vector_get_data(output)));
    duckdb_vector_ensure_validity_writable(output);
    auto* validity = duckdb_vector_get_validity(output);
    for (idx_t row = 0; row < rows; ++row) duckdb_validity_set_row_validity(validity, row, !stored.is_null(row));
}

}  // namespace

Status add_stored_types(sql::Connection& connection) {
    if (!sql::add_scalar(connection.raw(), "stored_hugeint", {LogicalType::decimal(38, 0)},
                         LogicalType(DUCKDB_TYPE_HUGEINT), hugeint))
        return Error{.code = ErrorCode::internal, .message = "DuckDB did not take the functions of stored types"};
    return ok();
}

}  // namespace weir::view

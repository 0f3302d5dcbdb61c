#include "sql/functions.h"

#include <string>

#include "sql/json_canonical.h"

namespace weir::sql {
namespace {

void json_canonical(duckdb_function_info, duckdb_data_chunk input, duckdb_vector output) {
    const auto rows = duckdb_data_chunk_get_size(input);
    auto vector = duckdb_data_chunk_get_vector(input, 0);
    auto* texts = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
    auto* valid = duckdb_vector_get_validity(vector);
    JsonCanonical canonical;
    std::string text;
    for (idx_t row = 0; row < rows; ++row) {
        text.clear();
        if ((valid == nullptr || duckdb_validity_row_is_valid(valid, row)) &&
            canonical.append({duckdb_string_t_data(&texts[row]), duckdb_string_t_length(texts[row])}, text)) {
            duckdb_vector_assign_string_element_len(output, row, text.data(), text.size());
        } else {
            duckdb_vector_ensure_validity_writable(output);
            duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), row);
        }
    }
}

}  // namespace

bool register_functions(duckdb_connection connection) {
    auto text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    auto function = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(function, "json_canonical");
    duckdb_scalar_function_add_parameter(function, text);
    duckdb_scalar_function_set_return_type(function, text);
    duckdb_scalar_function_set_function(function, json_canonical);
    const bool registered = duckdb_register_scalar_function(connection, function) == DuckDBSuccess;
    duckdb_destroy_scalar_function(&function);
    duckdb_destroy_logical_type(&text);
    return registered;
}

}  // namespace weir::sql

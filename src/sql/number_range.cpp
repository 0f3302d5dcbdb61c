#include "sql/number_range.h"

#include <algorithm>
#include <numeric>

namespace weir::sql {
namespace {

void bind(duckdb_bind_info info) {
    auto type = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    duckdb_bind_add_result_column(info, "n", type);
    duckdb_destroy_logical_type(&type);
}

void begin(duckdb_init_info info) {
    const auto* range = static_cast<const NumberRange*>(duckdb_init_get_extra_info(info));
    duckdb_init_set_init_data(info, new NumberRange(*range),
                              [](void* left) { delete static_cast<NumberRange*>(left); });
    duckdb_init_set_max_threads(info, 1);
}

void next(duckdb_function_info info, duckdb_data_chunk output) {
    auto* left = static_cast<NumberRange*>(duckdb_function_get_init_data(info));
    const auto count =
        std::clamp<std::int64_t>(left->end - left->begin, 0, static_cast<std::int64_t>(duckdb_vector_size()));
    auto* numbers = static_cast<std::int64_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(output, 0)));
    std::iota(numbers, numbers + count, left->begin);
    left->begin += count;
    duckdb_data_chunk_set_size(output, static_cast<idx_t>(count));
}

}  // namespace

bool register_number_range(duckdb_connection connection, const std::string& name, const NumberRange* range) {
    auto function = duckdb_create_table_function();
    duckdb_table_function_set_name(function, name.c_str());
    duckdb_table_function_set_extra_info(function, const_cast<NumberRange*>(range), nullptr);
    duckdb_table_function_set_bind(function, bind);
    duckdb_table_function_set_init(function, begin);
    duckdb_table_function_set_function(function, next);
    const bool registered = duckdb_register_table_function(connection, function) == DuckDBSuccess;
    duckdb_destroy_table_function(&function);
    return registered;
}

}  // namespace weir::sql

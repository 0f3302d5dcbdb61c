#include "sql/scalar_function.h"

namespace weir::sql {

bool add_scalar(duckdb_connection connection, const char* name, std::initializer_list<LogicalType> parameters,
                const LogicalType& result, duckdb_scalar_function_t call, Calls calls) {
    auto function = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(function, name);
    for (const auto& parameter : parameters) duckdb_scalar_function_add_parameter(function, parameter.get());
    duckdb_scalar_function_set_return_type(function, result.get());
    if (calls != Calls::pure) duckdb_scalar_function_set_special_handling(function);
    if (calls == Calls::each_row) duckdb_scalar_function_set_volatile(function);
    duckdb_scalar_function_set_function(function, call);
    const bool added = duckdb_register_scalar_function(connection, function) == DuckDBSuccess;
    duckdb_destroy_scalar_function(&function);
    return added;
}

}  // namespace weir::sql

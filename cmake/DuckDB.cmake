# DuckDB, prebuilt, through its C API only. `./dev setup` fetches the two npm packages and checks them.
set(DUCKDB_DIR ${CMAKE_SOURCE_DIR}/.deps/duckdb-1.5.6 CACHE PATH "Folder that holds libduckdb.so and duckdb.h")
if(NOT EXISTS ${DUCKDB_DIR}/libduckdb.so)
  message(FATAL_ERROR "DuckDB is not in ${DUCKDB_DIR}: run ./dev setup")
endif()
add_library(duckdb SHARED IMPORTED GLOBAL)
set_target_properties(duckdb PROPERTIES
  IMPORTED_LOCATION ${DUCKDB_DIR}/libduckdb.so
  INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${DUCKDB_DIR}
  INTERFACE_INCLUDE_DIRECTORIES ${DUCKDB_DIR})

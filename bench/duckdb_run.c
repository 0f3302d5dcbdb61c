// DuckDB as it comes, for data and as the peer: duckdb_run THREADS SQL. Prints the last result's rows as CSV.
#include <duckdb.h>
#include <stdio.h>
#include <string.h>

static int fail(const char* message) {
    fprintf(stderr, "duckdb_run: %s\n", message != NULL ? message : "failed");
    return 1;
}

int main(int count, char** arguments) {
    if (count != 3) return fail("usage: duckdb_run THREADS SQL");
    duckdb_config config;
    duckdb_create_config(&config);
    duckdb_set_config(config, "threads", arguments[1]);
    duckdb_set_config(config, "preserve_insertion_order", "true");
    duckdb_database database;
    duckdb_connection connection;
    char* message = NULL;
    if (duckdb_open_ext(NULL, &database, config, &message) != DuckDBSuccess) return fail(message);
    if (duckdb_connect(database, &connection) != DuckDBSuccess) return fail("cannot connect");
    duckdb_result result;
    if (duckdb_query(connection, "SET TimeZone = 'UTC'", NULL) != DuckDBSuccess) return fail("cannot set the zone");
    if (duckdb_query(connection, arguments[2], &result) != DuckDBSuccess) return fail(duckdb_result_error(&result));
    const idx_t rows = duckdb_row_count(&result);
    const idx_t columns = duckdb_column_count(&result);
    for (idx_t row = 0; row < rows; ++row) {
        for (idx_t column = 0; column < columns; ++column) {
            char* text = duckdb_value_varchar(&result, column, row);
            printf("%s%s", column > 0 ? "," : "", text != NULL ? text : "");
            duckdb_free(text);
        }
        putchar('\n');
    }
    duckdb_destroy_result(&result);
    duckdb_disconnect(&connection);
    duckdb_close(&database);
    return 0;
}

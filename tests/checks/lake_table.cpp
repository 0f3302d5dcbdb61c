// For the check against delta-rs: `lake_table write DIR` makes tables of every kind, `lake_table dump TABLE OUT` writes
// the rows of any Delta table as one Parquet file.
#include <fmt/format.h>
#include <cstdio>

#include "lake/lake.h"
#include "lake/maintain/checkpoint.h"
#include "lake/maintain/optimize.h"
#include "lake/write/evolve.h"

namespace {

using namespace weir;

Status append(lake::Table& table, sql::Connection& connection, const std::string& select) {
    WEIR_ASSIGN(auto snapshot, table.snapshot());
    WEIR_ASSIGN(auto transaction, lake::Transaction::begin(table, std::move(snapshot)));
    WEIR_TRY(transaction.append(connection, select));
    WEIR_TRY(lake::commit_or_fail(std::move(transaction)));
    return ok();
}

Result<lake::Table> make(const std::string& path, sql::Database& database, sql::Connection& connection,
                         const std::string& select, std::vector<std::string> partitions) {
    WEIR_ASSIGN(auto table, lake::Table::at(path, database));
    WEIR_ASSIGN(auto schema, connection.schema_of(select));
    WEIR_ASSIGN(auto transaction, lake::Transaction::create(table, {.schema = std::move(schema),
                                                                    .partition_columns = std::move(partitions)}));
    WEIR_TRY(transaction.append(connection, select));
    WEIR_TRY(lake::commit_or_fail(std::move(transaction)));
    return table;
}

Status write(const std::string& folder) {
    WEIR_ASSIGN(auto database, sql::Database::open({}));
    WEIR_ASSIGN(auto connection, database.connect());
    const std::string plain = R"(
        SELECT true AS b, 1::TINYINT AS i8, -2::SMALLINT AS i16, 3::INTEGER AS i32, 9007199254740993 AS i64, 1.5::FLOAT AS f32,
               0.1::DOUBLE AS f64, 123.45::DECIMAL(5,2) AS d5, -1.000000001::DECIMAL(18,9) AS d18,
               99999999999999999999999999999.123456789::DECIMAL(38,9) AS d38, 'Grüße' AS s, '\x00\xFFab'::BLOB AS bin,
               DATE '2024-02-29' AS dt, TIMESTAMPTZ '2024-01-01 00:00:00.000001+00' AS ts, [1, NULL, 3] AS l,
               MAP {'k': 1.5::DOUBLE, 'l': NULL} AS m, {'a': 1, 'b': {'c': 'x'}} AS st
        UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)";
    WEIR_TRY(make(folder + "/types", database, connection, plain, {}));
    WEIR_TRY(make(folder + "/naive", database, connection,
                  "SELECT 1 AS id, TIMESTAMP '2024-01-01 10:00:00.123456' AS at", {}));
    WEIR_TRY(make(folder + "/partitions", database, connection, R"(
        SELECT 1 AS id, 'bar+%21 x/y=z:Grüße' AS s, DATE '2024-02-29' AS dt, -1.50::DECIMAL(10,2) AS d, 7::BIGINT AS n,
               TIMESTAMPTZ '2024-01-01 10:00:00.000001+00' AS ts, true AS b
        UNION ALL SELECT 2, NULL, NULL, NULL, NULL, NULL, NULL
        UNION ALL SELECT 3, 'a&b ', DATE '1900-01-01', 0.25, -9, TIMESTAMPTZ '1969-12-31 23:59:59+00', false)",
                  {"s", "dt", "d", "n", "ts", "b"}));
    // A checkpoint alone, with removed files, positions and an evolved schema behind it.
    WEIR_ASSIGN(auto table, make(folder + "/checkpoint", database, connection, "SELECT 0 AS id, 'p' AS p", {"p"}));
    for (int i = 1; i < 9; ++i)
        WEIR_TRY(append(table, connection, fmt::format("SELECT {} AS id, 'p{}' AS p", i, i % 3)));
    WEIR_TRY(lake::optimize(table));
    WEIR_ASSIGN(auto snapshot, table.snapshot());
    auto schema = snapshot.schema();
    schema.fields.push_back({.name = "extra", .type = Type::of(Type::Kind::float64)});
    WEIR_ASSIGN(snapshot, lake::evolve(table, schema));
    WEIR_TRY(append(table, connection, "SELECT 100 AS id, 'p1' AS p, 2.5::DOUBLE AS extra"));
    WEIR_TRY(lake::write_checkpoint(table));
    WEIR_ASSIGN(snapshot, table.snapshot());
    for (std::int64_t version = 0; version < snapshot.version().get(); ++version)
        WEIR_TRY(table.store().remove(fmt::format("_delta_log/{:020}.json", version)));
    return ok();
}

Status dump(const std::string& path, const std::string& out) {
    WEIR_ASSIGN(auto database, sql::Database::open({}));
    WEIR_ASSIGN(auto connection, database.connect());
    WEIR_ASSIGN(const auto table, lake::Table::at(path, database));
    WEIR_ASSIGN(const auto snapshot, table.snapshot());
    WEIR_ASSIGN(const auto plan, table.scan(snapshot));
    return connection.run(
        fmt::format("COPY (SELECT * FROM {}) TO {} (FORMAT parquet)", plan.relation, sql::quote_text(out)));
}

}  // namespace

int main(int count, char** arguments) {
    const std::string command = count > 1 ? arguments[1] : "";
    Status status = Error{.code = ErrorCode::usage, .message = "lake_table write DIR | lake_table dump TABLE OUT"};
    if (command == "write" && count == 3) status = write(arguments[2]);
    if (command == "dump" && count == 4) status = dump(arguments[2], arguments[3]);
    if (!status) std::fprintf(stderr, "%s\n", to_string(status.error()).c_str());
    return status ? 0 : 1;
}

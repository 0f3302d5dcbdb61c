#include "sql/database.h"

#include <gtest/gtest.h>

namespace weir::sql {
namespace {

class DatabaseTest : public testing::Test {
protected:
    Database database = std::move(Database::open({})).value();
    Connection connection = std::move(database.connect()).value();
};

TEST_F(DatabaseTest, rows_come_back_typed) {
    auto rows =
        connection.query("SELECT i, i * 0.5::DOUBLE, 'x' || i, CASE WHEN i % 2 = 0 THEN i END FROM range(5000) t(i)");
    ASSERT_TRUE(rows) << to_string(rows.error());
    EXPECT_EQ(rows->row_count(), 5000u);
    EXPECT_EQ(rows->integer(4999, 0), 4999);
    EXPECT_EQ(rows->real(3, 1), 1.5);
    EXPECT_EQ(rows->text(2500, 2), "x2500");
    EXPECT_TRUE(rows->is_null(1, 3));
    EXPECT_FALSE(rows->is_null(2, 3));
}

TEST_F(DatabaseTest, an_error_names_its_place) {
    auto rows = connection.query("SELECT 1,\n       nope\nFROM range(3)");
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().code, ErrorCode::sql_invalid);
    EXPECT_EQ(rows.error().where.line, 2);
    EXPECT_EQ(rows.error().where.column, 8);
}

TEST_F(DatabaseTest, schema_of_names_what_a_lake_cannot_hold) {
    auto schema = connection.schema_of("SELECT 1::BIGINT a, 1.5::DECIMAL(5,2) b, [1] c, now() d");
    ASSERT_TRUE(schema) << to_string(schema.error());
    EXPECT_EQ(to_string(schema->fields[1].type), "decimal(5,2)");
    EXPECT_EQ(to_string(schema->fields[2].type), "array<integer>");
    EXPECT_EQ(to_string(schema->fields[3].type), "timestamp");
    EXPECT_FALSE(connection.schema_of("SELECT INTERVAL 1 DAY AS x"));
}

TEST_F(DatabaseTest, a_stream_stops_when_the_taker_says_so) {
    std::size_t seen = 0;
    auto status = connection.stream("SELECT * FROM range(100000)", [&](duckdb_data_chunk chunk) -> Status {
        seen += duckdb_data_chunk_get_size(chunk);
        if (seen > 4000) return Error{.message = "enough"};
        return ok();
    });
    EXPECT_FALSE(status);
    EXPECT_LT(seen, 100000u);
}

TEST_F(DatabaseTest, a_stream_tells_what_went_wrong_at_its_start) {
    const auto status = connection.stream("SELECT max(CASE WHEN i > 5 THEN error('too much') END) FROM range(10) t(i)",
                                          [](duckdb_data_chunk) { return ok(); });
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().message.find("too much"), std::string::npos) << status.error().message;
}

TEST(Errors, a_damaged_data_file_is_no_mistake_in_the_sql) {
    for (const auto* text : {"Invalid Input Error: No magic bytes found at end of file 'a.parquet'",
                             "Invalid Error: TProtocolException: Invalid data",
                             "IO Error: No files found that match the pattern \"a.parquet\"\n\nLINE 1: x\n        ^"}) {
        const auto error = duckdb_error(text, "x");
        EXPECT_EQ(error.code, ErrorCode::table_damaged) << text;
        EXPECT_NE(error.hint, "");
        EXPECT_EQ(error.where, Where{});
    }
}

TEST(Errors, too_little_memory_names_what_is_allowed_and_the_setting) {
    const auto error = duckdb_error(
        "Out of Memory Error: failed to allocate data of size 1.0 MiB (37.6 MiB/38.1 MiB used)\n\nPossible "
        "solutions:\n* Reducing the number of threads (SET threads=X)\n* Increasing the memory limit (SET "
        "memory_limit='...GB')\n\nSee also https://duckdb.org/docs",
        "SELECT 1");
    EXPECT_EQ(error.code, ErrorCode::out_of_memory);
    EXPECT_EQ(error.message,
              "the SQL engine's memory does not suffice: 38.1 MiB are allowed and 37.6 MiB in use, failed to allocate "
              "data of size 1.0 MiB");
    EXPECT_NE(error.hint.find("engine: {memory:"), std::string::npos) << error.hint;
    EXPECT_NE(error.hint.find("engine: {threads:"), std::string::npos) << error.hint;
    const auto other = duckdb_error("Out of Memory Error: Failed to allocate block of 5 bytes (bad allocation)", "");
    EXPECT_EQ(other.message,
              "the SQL engine's memory does not suffice: Failed to allocate block of 5 bytes (bad allocation)");
    EXPECT_EQ(other.hint.find("threads"), std::string::npos) << other.hint;
    const auto disk = duckdb_error(
        "Out of Memory Error: failed to offload data block of size 1.0 MiB (9.0 GiB/9.0 GiB used).\nThis limit was set "
        "by the 'max_temp_directory_size' setting.",
        "");
    EXPECT_EQ(disk.code, ErrorCode::disk_full);
    EXPECT_EQ(disk.message.find("max_temp"), std::string::npos) << disk.message;
}

// By DuckDB itself, whose words may change.
TEST(Errors, of_a_database_with_little_memory_name_no_setting_of_its_own) {
    auto database = Database::open({.memory_limit = "16MB", .threads = 1});
    ASSERT_TRUE(database);
    auto connection = database->connect();
    ASSERT_TRUE(connection);
    const auto failed = connection->run("SELECT list(i || repeat('x', 100)) FROM range(1000000) t(i)");
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::out_of_memory);
    EXPECT_NE(failed.error().message.find("15.2 MiB are allowed"), std::string::npos) << to_string(failed.error());
    EXPECT_EQ(to_string(failed.error()).find("SET "), std::string::npos) << to_string(failed.error());
}

TEST(Quote, names_and_texts) {
    EXPECT_EQ(quote_name("a\"b"), "\"a\"\"b\"");
    EXPECT_EQ(quote_text("it's"), "'it''s'");
}

}  // namespace
}  // namespace weir::sql

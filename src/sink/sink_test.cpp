// Every type through every text format, and files that appear whole or not at all.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <random>
#include <thread>

#include "base/file.h"
#include "sink/calendar.h"
#include "sink/export.h"
#include "sink/staged_file.h"

namespace weir::sink {
namespace {

class SinkTest : public testing::Test {
protected:
    sql::Database database = std::move(sql::Database::open({})).value();
    sql::Connection connection = std::move(database.connect()).value();
    fs::path directory = fs::path(testing::TempDir()) /
                         (std::string("sink_") + testing::UnitTest::GetInstance()->current_test_info()->name());

    void SetUp() override {
        fs::remove_all(directory);
        fs::create_directories(directory);
    }
    void TearDown() override { fs::remove_all(directory); }

    std::string text(const std::string& sql, Format format) {
        std::string out;
        auto rows = write_rows(connection, sql, format, [&](std::string_view bytes) {
            out += bytes;
            return ok();
        });
        return rows ? out : "error: " + to_string(rows.error());
    }
    std::string csv(const std::string& expression) {
        const auto out = text("SELECT 1 a, " + expression + " x", Format::csv);
        return out.starts_with("a,x\n1,") ? out.substr(6, out.size() - 7) : out;
    }
    std::string json(const std::string& expression) {
        const auto out = text("SELECT " + expression + " x", Format::ndjson);
        return out.starts_with("{\"x\":") ? out.substr(5, out.size() - 7) : out;
    }
};

struct Golden {
    std::string_view expression, csv, json;
};

// The reference for what every type looks like.
constexpr std::array goldens{
    Golden{"true", "true", "true"},
    Golden{"(-128)::TINYINT", "-128", "-128"},
    Golden{"255::UTINYINT", "255", "255"},
    Golden{"(-32768)::SMALLINT", "-32768", "-32768"},
    Golden{"65535::USMALLINT", "65535", "65535"},
    Golden{"(-2147483648)::INTEGER", "-2147483648", "-2147483648"},
    Golden{"4294967295::UINTEGER", "4294967295", "4294967295"},
    Golden{"(-9223372036854775808)::BIGINT", "-9223372036854775808", "-9223372036854775808"},
    Golden{"18446744073709551615::UBIGINT", "18446744073709551615", "18446744073709551615"},
    Golden{"(-170141183460469231731687303715884105728)::HUGEINT", "-170141183460469231731687303715884105728",
           "-170141183460469231731687303715884105728"},
    Golden{"340282366920938463463374607431768211455::UHUGEINT", "340282366920938463463374607431768211455",
           "340282366920938463463374607431768211455"},
    Golden{"45.0::DOUBLE", "45.0", "45.0"},
    Golden{"19.625::DOUBLE", "19.625", "19.625"},
    Golden{"194.3913043478261::DOUBLE", "194.3913043478261", "194.3913043478261"},
    Golden{"0.1::DOUBLE + 0.2::DOUBLE", "0.30000000000000004", "0.30000000000000004"},
    Golden{"1234567.5::DOUBLE", "1234567.5", "1234567.5"},
    Golden{"1e300::DOUBLE", "1e+300", "1e+300"},
    Golden{"0.0001::DOUBLE", "0.0001", "0.0001"},
    Golden{"'-0'::DOUBLE", "-0.0", "-0.0"},
    Golden{"'nan'::DOUBLE", "NaN", "\"NaN\""},
    Golden{"'-infinity'::DOUBLE", "-Infinity", "\"-Infinity\""},
    Golden{"0.1::FLOAT", "0.1", "0.1"},
    Golden{"12.50::DECIMAL(4,2)", "12.50", "12.50"},
    Golden{"(-0.05)::DECIMAL(9,2)", "-0.05", "-0.05"},
    Golden{"123456789012.345::DECIMAL(18,3)", "123456789012.345", "123456789012.345"},
    Golden{"(-99999999999999999999999999999999999.999)::DECIMAL(38,3)", "-99999999999999999999999999999999999.999",
           "-99999999999999999999999999999999999.999"},
    Golden{"7::DECIMAL(5,0)", "7", "7"},
    Golden{"'plain'", "plain", "\"plain\""},
    Golden{"''", "\"\"", "\"\""},
    Golden{"' spaces '", " spaces ", "\" spaces \""},
    Golden{"'a,b'", "\"a,b\"", "\"a,b\""},
    Golden{"'say \"hi\"'", "\"say \"\"hi\"\"\"", "\"say \\\"hi\\\"\""},
    Golden{"'a' || chr(10) || 'b' || chr(13) || chr(9) || chr(1)", "\"a\nb\r\t\x01\"", "\"a\\nb\\r\\t\\u0001\""},
    Golden{"'Grüße 日本 🍲'", "Grüße 日本 🍲", "\"Grüße 日本 🍲\""},
    Golden{"'\\x00\\xFFa'::BLOB", "00ff61", "\"AP9h\""},
    Golden{"'\\x01'::BLOB", "01", "\"AQ==\""},
    Golden{"''::BLOB", "\"\"", "\"\""},
    Golden{"'10110'::BIT", "10110", "\"10110\""},
    Golden{"DATE '2024-02-29'", "2024-02-29", "\"2024-02-29\""},
    Golden{"DATE '0001-01-01'", "0001-01-01", "\"0001-01-01\""},
    Golden{"DATE '1969-12-31'", "1969-12-31", "\"1969-12-31\""},
    Golden{"'infinity'::DATE", "infinity", "\"infinity\""},
    Golden{"TIME '10:00:05'", "10:00:05", "\"10:00:05\""},
    Golden{"TIME '10:00:05.25'", "10:00:05.250000", "\"10:00:05.250000\""},
    Golden{"TIMETZ '10:00:05+05:30'", "10:00:05+05:30", "\"10:00:05+05:30\""},
    Golden{"TIMESTAMP '2024-03-01 10:00:00'", "2024-03-01T10:00:00", "\"2024-03-01T10:00:00\""},
    Golden{"TIMESTAMP '1969-12-31 23:59:59.5'", "1969-12-31T23:59:59.500000", "\"1969-12-31T23:59:59.500000\""},
    Golden{"'-infinity'::TIMESTAMP", "-infinity", "\"-infinity\""},
    Golden{"TIMESTAMPTZ '2024-03-01 10:00:00+02'", "2024-03-01T08:00:00Z", "\"2024-03-01T08:00:00Z\""},
    Golden{"TIMESTAMP_S '2024-03-01 10:00:00'", "2024-03-01T10:00:00", "\"2024-03-01T10:00:00\""},
    Golden{"TIMESTAMP_MS '2024-03-01 10:00:00.123'", "2024-03-01T10:00:00.123", "\"2024-03-01T10:00:00.123\""},
    Golden{"TIMESTAMP_NS '2024-03-01 10:00:00.123456789'", "2024-03-01T10:00:00.123456789",
           "\"2024-03-01T10:00:00.123456789\""},
    Golden{"INTERVAL '1 year 2 months 3 days 04:05:06.5'", "P1Y2M3DT4H5M6.5S", "\"P1Y2M3DT4H5M6.5S\""},
    Golden{"INTERVAL '0 days'", "PT0S", "\"PT0S\""},
    Golden{"INTERVAL '-90 seconds'", "PT-1M-30S", "\"PT-1M-30S\""},
    Golden{"'c0ffee00-1234-5678-9abc-def012345678'::UUID", "c0ffee00-1234-5678-9abc-def012345678",
           "\"c0ffee00-1234-5678-9abc-def012345678\""},
    Golden{"'mid'::ENUM('low', 'mid')", "mid", "\"mid\""},
    Golden{"[1, NULL, 3]", "\"[1,null,3]\"", "[1,null,3]"},
    Golden{"[]::INTEGER[]", "[]", "[]"},
    Golden{"[1.5, 2.5]::DOUBLE[2]", "\"[1.5,2.5]\"", "[1.5,2.5]"},
    Golden{"{'a': 1, 'b': 'x'}", "\"{\"\"a\"\":1,\"\"b\"\":\"\"x\"\"}\"", "{\"a\":1,\"b\":\"x\"}"},
    Golden{"MAP {'k': [1], 'l': NULL}", "\"{\"\"k\"\":[1],\"\"l\"\":null}\"", "{\"k\":[1],\"l\":null}"},
    Golden{"MAP {7: DATE '2024-01-01'}", "\"{\"\"7\"\":\"\"2024-01-01\"\"}\"", "{\"7\":\"2024-01-01\"}"},
    Golden{"union_value(n := 5)", "5", "5"},
    Golden{"'{\"a\": [1]}'::JSON", "\"{\"\"a\"\": [1]}\"", "{\"a\": [1]}"},
    Golden{"NULL", "", "null"},
    Golden{"NULL::INTEGER[]", "", "null"},
    Golden{"[{'t': TIMESTAMPTZ '2024-03-01 00:00:00+00', 'b': '\\x01'::BLOB}]",
           "\"[{\"\"t\"\":\"\"2024-03-01T00:00:00Z\"\",\"\"b\"\":\"\"AQ==\"\"}]\"",
           "[{\"t\":\"2024-03-01T00:00:00Z\",\"b\":\"AQ==\"}]"},
};

// Against the plain way, at every length and with escapes anywhere.
TEST(JsonString, is_escaped_at_any_length) {
    const auto plainly = [](const std::string& text) {
        std::string out = "\"";
        for (const char c : text) {
            const auto byte = static_cast<unsigned char>(c);
            if (c == '"' || c == '\\')
                out += std::string("\\") + c;
            else if (c == '\n' || c == '\r' || c == '\t')
                out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
            else if (byte < 0x20)
                out += fmt::format("\\u{:04x}", byte);
            else
                out += c;
        }
        return out + '"';
    };
    std::mt19937 random(1);
    for (std::size_t length = 0; length < 2200; length += length < 80 ? 1 : 37) {
        for (const unsigned one_in : {1u, 3u, 20u, 1000u}) {
            std::string text;
            for (std::size_t i = 0; i < length; ++i) {
                constexpr std::string_view special("\"\\\n\r\t\0\x01\x1f", 8);
                text += random() % one_in == 0 ? special[random() % special.size()]
                                               : static_cast<char>(0x20 + random() % 0xe0);
            }
            std::string out = "before";
            append_json_string(text, out);
            ASSERT_EQ(out, "before" + plainly(text)) << length;
        }
    }
}

TEST_F(SinkTest, a_null_can_be_left_out_of_its_object) {
    std::string out;
    const auto written =
        write_rows(connection, "SELECT * FROM (VALUES (1, NULL, 'x'), (NULL, 2, NULL), (NULL, NULL, NULL)) v(a, b, c)",
                   Format::ndjson,
                   [&](std::string_view bytes) {
                       out += bytes;
                       return ok();
                   },
                   {}, {.omit_nulls = true});
    ASSERT_TRUE(written);
    EXPECT_EQ(out, "{\"a\":1,\"c\":\"x\"}\n{\"b\":2}\n{}\n");
}

TEST_F(SinkTest, every_type_as_csv_and_json) {
    for (const auto& golden : goldens) {
        EXPECT_EQ(csv(std::string(golden.expression)), golden.csv) << golden.expression;
        EXPECT_EQ(json(std::string(golden.expression)), golden.json) << golden.expression;
    }
}

TEST_F(SinkTest, our_json_is_read_back_equal_by_duckdb) {
    const auto file = directory / "all.ndjson";
    const std::string query =
        "SELECT i, i * 1.1::DOUBLE d, 'x' || i s, [i, NULL] l, {'a': i::VARCHAR} o FROM range(5000) t(i)";
    ASSERT_TRUE(export_query(connection, query, Format::ndjson, file));
    auto rows = connection.query("SELECT count(*) FROM ((" + query + ") EXCEPT SELECT * FROM read_json('" +
                                 file.string() + "', format = 'newline_delimited'))");
    ASSERT_TRUE(rows) << to_string(rows.error());
    EXPECT_EQ(rows->integer(0, 0), 0);
}

TEST_F(SinkTest, our_csv_is_read_back_equal_by_duckdb) {
    const auto file = directory / "all.csv";
    const std::string query =
        "SELECT i, CASE WHEN i % 3 = 0 THEN NULL WHEN i % 3 = 1 THEN '' ELSE 'a\"' || chr(10) || i END s, i / 7.0 d "
        "FROM range(5000) t(i)";
    ASSERT_TRUE(export_query(connection, query, Format::csv, file));
    auto rows =
        connection.query("SELECT count(*) FROM ((" + query + ") EXCEPT SELECT * FROM read_csv('" + file.string() +
                         "', header = true, quote = '\"', escape = '\"', allow_quoted_nulls = false, columns = {'i': "
                         "'BIGINT', 's': 'VARCHAR', 'd': 'DOUBLE'}))");
    ASSERT_TRUE(rows) << to_string(rows.error());
    EXPECT_EQ(rows->integer(0, 0), 0);
}

TEST_F(SinkTest, values_behind_a_filter_and_inside_structs_stay_with_their_row) {
    EXPECT_EQ(text("SELECT {'a': s, 'l': [s]} x FROM (SELECT 'v' || i s FROM range(3000) t(i)) WHERE s LIKE '%999'",
                   Format::ndjson),
              "{\"x\":{\"a\":\"v999\",\"l\":[\"v999\"]}}\n{\"x\":{\"a\":\"v1999\",\"l\":[\"v1999\"]}}\n{\"x\":{\"a\":"
              "\"v2999\",\"l\":[\"v2999\"]}}\n");
    EXPECT_EQ(text("SELECT {'a': 'same', 'b': i} x FROM range(2) t(i)", Format::ndjson),
              "{\"x\":{\"a\":\"same\",\"b\":0}}\n{\"x\":{\"a\":\"same\",\"b\":1}}\n");
}

TEST_F(SinkTest, no_rows_still_have_their_frame) {
    EXPECT_EQ(text("SELECT 1 a, 2 \"b,c\" WHERE false", Format::csv), "a,\"b,c\"\n");
    EXPECT_EQ(text("SELECT 1 a WHERE false", Format::ndjson), "");
    EXPECT_EQ(text("SELECT 1 a WHERE false", Format::json), "[]\n");
    EXPECT_EQ(text("SELECT i FROM range(2) t(i)", Format::json), "[\n{\"i\":0},\n{\"i\":1}\n]\n");
}

TEST_F(SinkTest, a_single_null_is_no_blank_line) { EXPECT_EQ(text("SELECT NULL a", Format::csv), "a\n\"\"\n"); }

TEST_F(SinkTest, json_refuses_two_columns_of_one_name) {
    EXPECT_NE(text("SELECT 1 a, 2 a", Format::json).find("two columns are called 'a'"), std::string::npos);
}

TEST_F(SinkTest, parquet_has_the_rows_and_replaces_what_was_there) {
    const auto file = directory / "out" / "r.parquet";
    ASSERT_TRUE(export_query(connection, "SELECT 1 x", Format::parquet, file));
    auto exported = export_query(connection, "SELECT i FROM range(10000) t(i)", Format::parquet, file);
    ASSERT_TRUE(exported) << to_string(exported.error());
    EXPECT_EQ(exported->rows, 10000);
    EXPECT_EQ(exported->bytes, static_cast<std::int64_t>(fs::file_size(file)));
    auto rows = connection.query("SELECT sum(i) FROM '" + file.string() + "'");
    ASSERT_TRUE(rows) << to_string(rows.error());
    EXPECT_EQ(rows->integer(0, 0), 49995000);
}

TEST_F(SinkTest, a_failing_query_leaves_the_old_file_and_no_other) {
    const auto file = directory / "r.csv";
    ASSERT_TRUE(export_query(connection, "SELECT 1 x", Format::csv, file));
    for (const auto format : {Format::csv, Format::json, Format::ndjson, Format::parquet}) {
        const auto failed = export_query(
            connection, "SELECT CASE WHEN i = 90000 THEN error('boom') ELSE i END x FROM range(100000) t(i)", format,
            file);
        EXPECT_FALSE(failed) << to_string(format);
    }
    EXPECT_EQ(*read_file(file, 1000), "x\n1\n");
    EXPECT_EQ(std::distance(fs::directory_iterator(directory), fs::directory_iterator()), 1);
}

TEST_F(SinkTest, a_directory_is_no_file) {
    const auto failed = export_query(connection, "SELECT 1", Format::csv, directory);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::usage);
}

TEST_F(SinkTest, a_link_stays_and_the_file_that_it_names_is_replaced) {
    fs::create_directories(directory / "far");
    fs::create_symlink("far/r.csv", directory / "near");
    fs::create_symlink(directory / "near", directory / "link");
    for (const auto* sql : {"SELECT 1 x", "SELECT 2 x"})
        ASSERT_TRUE(export_query(connection, sql, Format::csv, directory / "link"));
    EXPECT_TRUE(fs::is_symlink(directory / "link"));
    EXPECT_TRUE(fs::is_symlink(directory / "near"));
    EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(directory / "far" / "r.csv")));
    EXPECT_EQ(*read_file(directory / "far" / "r.csv", 1000), "x\n2\n");
    fs::create_symlink("circle", directory / "circle");
    EXPECT_FALSE(export_query(connection, "SELECT 1 x", Format::csv, directory / "circle"));
    fs::create_directory_symlink("far", directory / "folder");
    const auto failed = export_query(connection, "SELECT 1 x", Format::csv, directory / "folder");
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, ErrorCode::usage);
}

TEST_F(SinkTest, a_pipe_is_written_to_and_stays) {
    const auto pipe = directory / "pipe";
    fs::create_symlink("pipe", directory / "link");
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    for (const auto format : {Format::csv, Format::parquet}) {
        std::string read;
        std::thread reader([&] { read = *read_file(pipe, 100000); });
        const auto exported = export_query(connection, "SELECT 1 x", format, directory / "link");
        reader.join();
        ASSERT_TRUE(exported) << to_string(exported.error());
        EXPECT_EQ(exported->rows, 1);
        EXPECT_EQ(exported->bytes, static_cast<std::int64_t>(read.size()));
        if (format == Format::csv)
            EXPECT_EQ(read, "x\n1\n");
        else
            EXPECT_TRUE(read.starts_with("PAR1") && read.ends_with("PAR1")) << read;
        EXPECT_TRUE(fs::is_fifo(fs::symlink_status(pipe)));
    }
}

TEST_F(SinkTest, what_stands_for_an_open_file_goes_on_where_that_is) {
    const auto path = directory / "open";
    const FileHandle file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_TRUE(write_all(file.get(), "before\n", path));
    for (const auto* folder : {"/dev/fd", "/proc/self/fd"})
        ASSERT_TRUE(export_query(connection, "SELECT 1 x", Format::csv, fs::path(folder) / std::to_string(file.get())));
    ASSERT_TRUE(write_all(file.get(), "after\n", path));
    EXPECT_EQ(*read_file(path, 1000), "before\nx\n1\nx\n1\nafter\n");
}

TEST_F(SinkTest, a_device_stays_a_device) {
    // A terminal's device is made for it, so that a mistake replaces nothing that others need.
    const FileHandle controller(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!controller.open() || ::grantpt(controller.get()) != 0 || ::unlockpt(controller.get()) != 0)
        GTEST_SKIP() << "skipped: there are no pseudo-terminals here";
    const fs::path device = ::ptsname(controller.get());
    const auto exported = export_query(connection, "SELECT 1 x", Format::csv, device);
    ASSERT_TRUE(exported) << to_string(exported.error());
    EXPECT_TRUE(fs::is_character_file(fs::symlink_status(device)));
}

TEST(Calendar, agrees_with_the_standard_library_on_400_years) {
    using namespace std::chrono;
    for (auto day = sys_days{year{1800} / 1 / 1}; day < sys_days{year{2200} / 1 / 1}; day += days{1}) {
        std::string text;
        append_date(day.time_since_epoch().count(), text);
        const year_month_day parts{day};
        char expected[32];
        std::snprintf(expected, sizeof expected, "%04d-%02u-%02u", static_cast<int>(parts.year()),
                      static_cast<unsigned>(parts.month()), static_cast<unsigned>(parts.day()));
        ASSERT_EQ(text, expected);
    }
}

}  // namespace
}  // namespace weir::sink

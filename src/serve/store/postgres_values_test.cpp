#include "serve/store/postgres_values.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "serve/read/literal.h"
#include "serve/store/postgres_connection.h"
#include "sink/rows.h"
#include "sql/database.h"

namespace weir::serve::postgres {
namespace {

using enum Type::Kind;
using testing::HasSubstr;
using testing::Not;

TEST(PostgresTypes, every_type_of_a_lake_has_one) {
    Type list = Type::of(array);
    list.fields = {{.name = "element", .type = Type::of(int64)}};
    const struct {
        Type type;
        std::string wanted;
    } cases[] = {{Type::of(boolean), "boolean"},
                 {Type::of(int8), "smallint"},
                 {Type::of(int16), "smallint"},
                 {Type::of(int32), "integer"},
                 {Type::of(int64), "bigint"},
                 {Type::of(float32), "real"},
                 {Type::of(float64), "double precision"},
                 {Type::decimal(38, 0), "numeric(38,0)"},
                 {Type::decimal(10, 2), "numeric(10,2)"},
                 {Type::of(string), "text"},
                 {Type::of(binary), "bytea"},
                 {Type::of(date), "date"},
                 {Type::of(timestamp), "timestamp with time zone"},
                 {Type::of(timestamp_ntz), "timestamp without time zone"},
                 {list, "jsonb"},
                 {Type::of(null), "text"}};
    for (const auto& one : cases) EXPECT_EQ(column_type(one.type), one.wanted);
}

TEST(PostgresTypes, names_and_texts_are_quoted) {
    EXPECT_EQ(quote_name("a\"b"), "\"a\"\"b\"");
    EXPECT_EQ(quote_text("it's"), "'it''s'");
    EXPECT_EQ(quote_text("a\\'b"), "E'a\\\\''b'");
}

struct Copied {
    Status status;
    std::vector<std::vector<std::optional<std::string>>> rows;  // the fields' bytes
    std::vector<std::string> direct, back;                      // each row as JSON, before and behind PostgreSQL's form
};

std::size_t length_at(std::string_view bytes, std::size_t at, std::size_t size) {
    std::size_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
}

// Rows of a SELECT through COPY's form and back.
Copied copy(const std::string& select) {
    Copied result;
    static auto database = sql::Database::open({});
    static auto connection = database->connect();
    const auto schema = connection->schema_of(select);
    EXPECT_TRUE(schema.ok()) << select;
    const auto& fields = schema->fields;
    std::optional<CopyRows> rows;
    std::string direct;
    sink::RowsWriter writer(sink::Format::ndjson, direct);
    const bool flat =
        std::none_of(fields.begin(), fields.end(), [](const Field& field) { return field.type.is_nested(); });
    RowChunk chunk_of_row(flat ? fields : std::vector<Field>());
    result.status = connection->stream(
        select,
        [&](const sql::ResultHeader& header) -> Status {
            WEIR_ASSIGN(rows, CopyRows::of("v", fields, header.types));
            return writer.begin(header);
        },
        [&](duckdb_data_chunk chunk) -> Status {
            WEIR_TRY(writer.take(chunk));
            rows->bind(chunk);
            for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk); ++row) {
                std::string bytes;
                WEIR_TRY(rows->append(row, std::nullopt, bytes));
                EXPECT_EQ(length_at(bytes, 0, 2), fields.size());
                std::vector<std::optional<std::string>> one;
                std::size_t at = 2;
                while (at < bytes.size()) {
                    const auto length = length_at(bytes, at, 4);
                    at += 4;
                    if (length == 0xffffffff) {
                        one.emplace_back(std::nullopt);
                        continue;
                    }
                    one.emplace_back(bytes.substr(at, length));
                    at += length;
                }
                result.rows.push_back(std::move(one));
            }
            return ok();
        });
    for (std::size_t at = 0; at < direct.size();) {
        const auto end = direct.find('\n', at);
        result.direct.push_back(direct.substr(at, end - at));
        at = end + 1;
    }
    if (!flat) return result;
    std::string line;
    sink::RowsWriter back(sink::Format::ndjson, line);
    sql::ResultHeader header{.names = schema->names(), .types = chunk_of_row.types()};
    EXPECT_TRUE(back.begin(header).ok());
    for (const auto& row : result.rows) {
        std::vector<std::optional<std::string_view>> values(row.begin(), row.end());
        EXPECT_TRUE(chunk_of_row.set(values));
        line.clear();
        EXPECT_TRUE(back.take(chunk_of_row.chunk()).ok());
        result.back.push_back(line.substr(0, line.size() - 1));
    }
    return result;
}

std::string hex(const std::string& bytes) {
    std::string text;
    for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return text;
}

TEST(PostgresValues, have_the_bytes_that_postgresql_has) {
    // As `COPY (SELECT …) TO … (FORMAT binary)` of PostgreSQL 15 writes them.
    const struct {
        std::string sql, bytes;
    } cases[] = {{"true", "01"},
                 {"(-2)::TINYINT", "fffe"},
                 {"1::SMALLINT", "0001"},
                 {"-1::INTEGER", "ffffffff"},
                 {"1::BIGINT", "0000000000000001"},
                 {"1.5::FLOAT", "3fc00000"},
                 {"'nan'::DOUBLE", "7ff8000000000000"},
                 {"'-inf'::DOUBLE", "fff0000000000000"},
                 {"0::DECIMAL(10,2)", "0000000000000002"},
                 {"1.5::DECIMAL(10,2)", "000200000000000200011388"},
                 {"-12345.67::DECIMAL(10,2)",
                  "00030001400000020001"
                  "09291a2c"},
                 {"0.0001::DECIMAL(10,4)", "0001ffff000000040001"},
                 {"0.00001::DECIMAL(10,5)", "0001fffe0000000503e8"},
                 {"10000::DECIMAL(10,0)", "00010001000000000001"},
                 {"'text'", "74657874"},
                 {"'\\x00\\xFF'::BLOB", "00ff"},
                 {"DATE '2000-01-02'", "00000001"},
                 {"DATE '1970-01-01'", "ffffd533"},
                 {"DATE 'infinity'", "7fffffff"},
                 {"DATE '-infinity'", "80000000"},
                 {"TIMESTAMPTZ '2000-01-01 00:00:00.000001Z'", "0000000000000001"},
                 {"TIMESTAMP '-infinity'", "8000000000000000"},
                 {"[1, NULL]::BIGINT[]", "015b312c6e756c6c5d"}};
    for (const auto& one : cases) {
        const auto copied = copy("SELECT " + one.sql + " AS x");
        ASSERT_TRUE(copied.status.ok()) << one.sql;
        ASSERT_EQ(copied.rows.size(), 1u) << one.sql;
        ASSERT_TRUE(copied.rows[0][0].has_value()) << one.sql;
        EXPECT_EQ(hex(*copied.rows[0][0]), one.bytes) << one.sql;
    }
}

TEST(PostgresValues, come_back_as_they_were) {
    const std::string every_kind =
        "SELECT b, i::TINYINT AS i8, i::SMALLINT AS i16, i::INTEGER AS i32, i::BIGINT * 1000000007 AS i64, "
        "(i / 7)::FLOAT AS f, i / 7.0::DOUBLE AS d, (i * 0.37)::DECIMAL(4,1) AS d4, (i * 0.37)::DECIMAL(9,4) AS d9, "
        "(i * 12345.678901)::DECIMAL(18,9) AS d18, (i::DECIMAL(38,10) * 1234567890123456) AS d38, "
        "CASE WHEN i % 5 = 0 THEN NULL ELSE 'é\"\\' || i END AS t, encode('x' || i) AS bytes, "
        "DATE '1999-12-25' + i::INTEGER AS day, TIMESTAMPTZ '1999-12-31 23:59:59.5Z' + i * INTERVAL 1 SECOND AS at, "
        "TIMESTAMP '1815-12-10 10:00:00.123456' + i * INTERVAL 1 HOUR AS wall "
        "FROM (SELECT i, i % 2 = 0 AS b FROM range(-100, 100) t(i))";
    const auto copied = copy(every_kind);
    ASSERT_TRUE(copied.status.ok()) << to_string(copied.status.error());
    ASSERT_EQ(copied.direct.size(), 200u);
    EXPECT_EQ(copied.back, copied.direct);
    const auto ends = copy(
        "SELECT * FROM (VALUES ('nan'::DOUBLE, 'inf'::FLOAT, 99999999999999999999999999999999999999::DECIMAL(38,0), "
        "DATE 'infinity', TIMESTAMP 'infinity', TIMESTAMPTZ '-infinity', -0.0::DOUBLE), (1e300, -1.17e-38, "
        "-99999999999999999999999999999999999999, DATE '4714-11-25 (BC)', TIMESTAMP '4714-11-25 (BC) 00:00:00', "
        "TIMESTAMPTZ '294247-01-10 04:00:54.775806+00', 5e-324)) t(a, b, c, d, e, f, g)");
    ASSERT_TRUE(ends.status.ok()) << to_string(ends.status.error());
    ASSERT_EQ(ends.direct.size(), 2u);
    EXPECT_EQ(ends.back, ends.direct);
}

TEST(PostgresValues, decimals_of_every_size_come_back) {
    std::mt19937 random(20261121);
    for (int precision = 1; precision <= 38; ++precision) {
        for (int scale = 0; scale <= precision; ++scale) {
            std::string values;
            for (int i = 0; i < 6; ++i) {
                std::string digits;
                const auto count = 1 + random() % static_cast<unsigned>(precision);
                for (unsigned k = 0; k < count; ++k)
                    digits += static_cast<char>('0' + (random() % 3 == 0 ? 0 : random() % 10));
                if (i == 0) digits.assign(static_cast<std::size_t>(precision), '9');
                while (digits.size() <= static_cast<std::size_t>(scale)) digits.insert(0, "0");
                if (scale > 0) digits.insert(digits.size() - static_cast<std::size_t>(scale), ".");
                values += fmt::format("{}('{}{}'::DECIMAL({},{}))", i == 0 ? "" : ", ", i % 2 == 0 ? "-" : "", digits,
                                      precision, scale);
            }
            const auto copied = copy("SELECT x FROM (VALUES " + values + ") t(x)");
            ASSERT_TRUE(copied.status.ok()) << values << to_string(copied.status.error());
            ASSERT_EQ(copied.direct.size(), 6u);
            EXPECT_EQ(copied.back, copied.direct) << values;
        }
    }
}

TEST(PostgresValues, what_postgresql_cannot_hold_is_an_error_that_names_its_place) {
    const struct {
        std::string sql, said;
    } cases[] = {
        {"SELECT 'a' AS x UNION ALL SELECT 'a' || chr(0)", "view v: column 'x' holds a character NUL in row 2"},
        {"SELECT [{'a': chr(0)}] AS x", "holds a character NUL in row 1, which PostgreSQL's jsonb"},
        {"SELECT DATE '5881000-01-01' AS x", "a day outside of"},
        {"SELECT DATE '290000-01-01 (BC)' AS x", "a day outside of"},
        {"SELECT TIMESTAMP '290000-01-01 (BC) 00:00:00' AS x", "a moment before"}};
    for (const auto& one : cases) {
        const auto copied = copy(one.sql);
        ASSERT_FALSE(copied.status.ok()) << one.sql;
        EXPECT_THAT(to_string(copied.status.error()), HasSubstr(one.said));
    }
    // An escaped backslash before u0000 is a text like any other.
    EXPECT_TRUE(copy("SELECT ['\\u0000'] AS x").status.ok());
}

TEST(PostgresValues, a_key_is_asked_for_by_its_value) {
    const auto parameter = [](const Type& type, const std::string& text) -> std::optional<std::string> {
        const auto key = key_text(type, text);
        if (!key) return std::nullopt;
        const auto made = parameter_of(type, *key);
        if (!made) return std::nullopt;
        return made->binary ? "x" + hex(made->value) : made->value;
    };
    EXPECT_EQ(parameter(Type::of(int64), "+007"), "7");
    EXPECT_EQ(parameter(Type::decimal(10, 2), "1.5"), "1.50");
    EXPECT_EQ(parameter(Type::of(string), " a"), " a");
    EXPECT_EQ(parameter(Type::of(date), "2000-01-02"), "x00000001");
    EXPECT_EQ(parameter(Type::of(timestamp), "2000-01-01T01:00:00+01:00"), "x0000000000000000");
    EXPECT_EQ(parameter(Type::of(timestamp_ntz), "2000-01-01T00:00:00.000001"), "x0000000000000001");
}

TEST(PostgresConnection, a_string_that_is_none_is_not_repeated) {
    for (const std::string text : {"postgresql://weir:hunter2@@db/x y=z hunter2", "hunter2",
                                   "host=db pass word=hunter2", "password=hunter2 hunter2=1",
                                   "postgresql://weir:pa@hunter2@db/serving", "postgresql://weir:pa/hunter2@db/serving",
                                   "postgresql://weir:hun:hunter2/x@db:5432/serving", "host='hunter2"}) {
        const auto options = parse_connection(text);
        ASSERT_FALSE(options.ok()) << text;
        EXPECT_THAT(to_string(options.error()), Not(HasSubstr("hunter2"))) << text;
    }
    const auto url = parse_connection("postgresql://weir:hunt%40er%2F2@db:5433/serving?sslmode=verify-full");
    ASSERT_TRUE(url.ok());
    EXPECT_EQ(url->at("password"), "hunt@er/2");
    EXPECT_EQ(url->at("host"), "db");
    EXPECT_EQ(url->at("sslmode"), "verify-full");
    ASSERT_TRUE(parse_connection("host=/run/postgresql dbname=serving").ok());
}

TEST(PostgresConnection, a_server_that_is_not_there_is_an_error_without_the_password) {
    const auto options = parse_connection("postgresql://weir:hunter2@127.0.0.1:1/serving");
    ASSERT_TRUE(options.ok());
    const auto connection = Connection::open(*options, {});
    ASSERT_FALSE(connection.ok());
    EXPECT_THAT(to_string(connection.error()), HasSubstr("refused"));
    EXPECT_THAT(to_string(connection.error()), Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace weir::serve::postgres

// The SQL functions that every database has.
#include "sql/functions.h"

#include <gtest/gtest.h>

#include "sql/database.h"

namespace weir::sql {
namespace {

class Functions : public testing::Test {
protected:
    Database database = std::move(Database::open({})).value();
    Connection connection = std::move(database.connect()).value();

    // The one value as a text; an error as its message.
    std::string value(const std::string& expression) {
        const auto rows = connection.query("SELECT CAST((" + expression + ") AS VARCHAR)");
        return rows ? std::string(rows->text_or_null(0, 0).value_or("NULL")) : rows.error().message;
    }
};

TEST_F(Functions, records_have_the_partition_of_their_key) {
    // murmur2('21') is -973932308, murmur2('foobar') -790332482, in Kafka's own tests.
    EXPECT_EQ(value("kafka_partition('21', 1000)"), std::to_string((-973932308 & 0x7fffffff) % 1000));
    EXPECT_EQ(value("kafka_partition('foobar', 7)"), std::to_string((-790332482 & 0x7fffffff) % 7));
    EXPECT_EQ(value("kafka_partition('abc', 479470108)"), "479470107");
    EXPECT_EQ(value("kafka_partition(NULL, 3)"), "NULL");
    EXPECT_EQ(value("kafka_partition('a', NULL)"), "NULL");
    EXPECT_EQ(value("kafka_partition('a', 0)"), "NULL");
    EXPECT_EQ(value("kafka_partition('a', -3)"), "NULL");
    // Over vectors, with NULLs among the keys and longer texts than fit into DuckDB's short form.
    EXPECT_EQ(value("SELECT list(kafka_partition(k, 479470108) ORDER BY i) FROM (VALUES (1, 'abc'), (2, NULL), (3, "
                    "'lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8')) v(i, k)"),
              "[479470107, NULL, " + std::to_string((-58897971 & 0x7fffffff) % 479470108) + "]");
}

TEST_F(Functions, moments_have_milliseconds) {
    EXPECT_EQ(value("iso_utc(TIMESTAMP '2024-02-29 10:00:00')"), "2024-02-29T10:00:00.000Z");
    EXPECT_EQ(value("iso_utc(TIMESTAMP '2024-12-31 23:59:59.999999')"), "2024-12-31T23:59:59.999Z");
    EXPECT_EQ(value("iso_utc(TIMESTAMP '1969-12-31 23:59:59.5')"), "1969-12-31T23:59:59.500Z");
    EXPECT_EQ(value("iso_utc(TIMESTAMP '0001-01-01 00:00:00')"), "0001-01-01T00:00:00.000Z");
    EXPECT_EQ(value("iso_utc(TIMESTAMP '9999-12-31 23:59:59')"), "9999-12-31T23:59:59.000Z");
    EXPECT_EQ(value("iso_utc(TIMESTAMP '10000-01-01 00:00:00')"), "NULL");
    EXPECT_EQ(value("iso_utc('infinity'::TIMESTAMP)"), "NULL");
    EXPECT_EQ(value("iso_utc('-infinity'::TIMESTAMP)"), "NULL");
    EXPECT_EQ(value("iso_utc(NULL)"), "NULL");
    // As DuckDB writes it, over four hundred years.
    EXPECT_EQ(value("SELECT count(*) FROM (SELECT make_timestamp(range * 7919377123457 - 3000000000000000) AS t FROM "
                    "range(2000)) WHERE iso_utc(t) IS DISTINCT FROM strftime(t, '%Y-%m-%dT%H:%M:%S.%gZ')"),
              "0");
}

TEST_F(Functions, numbers_have_leading_zeros) {
    EXPECT_EQ(value("numbered('SV', 7, 3)"), "SV007");
    EXPECT_EQ(value("numbered('', 0, 0)"), "0");
    EXPECT_EQ(value("numbered('COURSE', 12345, 3)"), "COURSE12345");
    EXPECT_EQ(value("numbered('a longer prefix of an id ', 9223372036854775807, 20)"),
              "a longer prefix of an id 09223372036854775807");
    EXPECT_EQ(value("numbered(NULL, 7, 3)"), "NULL");
    EXPECT_EQ(value("numbered('a', NULL, 3)"), "NULL");
    EXPECT_EQ(value("numbered('a', -1, 3)"), "NULL");
    EXPECT_EQ(value("numbered('a', 1, -1)"), "a1");
    EXPECT_EQ(value("numbered('a', 1, 1000)"), "a00000000000000000001");
    // Rows that the CASE leaves out are below 0.
    EXPECT_EQ(value("SELECT max(CASE WHEN i >= 0 THEN numbered('a', i, 1) END) FROM range(-5000, 10) r(i)"), "a9");
}

TEST_F(Functions, hashes_become_uuids) {
    EXPECT_EQ(value("uuid_from(0::UBIGINT, 0::UBIGINT)"), "00000000-0000-4000-8000-000000000000");
    EXPECT_EQ(value("uuid_from(18446744073709551615::UBIGINT, 18446744073709551615::UBIGINT)"),
              "ffffffff-ffff-4fff-bfff-ffffffffffff");
    EXPECT_EQ(value("uuid_from(81985529216486895::UBIGINT, 1311768467463790320::UBIGINT)"),
              "01234567-89ab-4def-9234-56789abcdef0");
    EXPECT_EQ(value("uuid_from(NULL, 1::UBIGINT)"), "NULL");
    EXPECT_EQ(value("SELECT count(DISTINCT uuid_from(hash(range), hash(-range))) FROM range(10000)"), "10000");
}

}  // namespace
}  // namespace weir::sql

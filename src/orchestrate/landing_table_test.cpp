#include "orchestrate/landing_table.h"

#include <gtest/gtest.h>

#include "declare/table_schema.h"
#include "sql/database.h"

namespace weir::orchestrate {
namespace {

declare::Contract contract_of(std::vector<std::pair<std::string, Type::Kind>> columns) {
    declare::Contract contract;
    for (auto& [name, kind] : columns) {
        declare::ContractColumn column;
        column.name = name;
        column.type = Type::of(kind);
        contract.columns.push_back(column);
    }
    return contract;
}

TEST(LandingTable, rows_find_their_columns) {
    declare::Source source{.name = "s"};
    source.partition_by = {"year", "month", "day"};
    auto contract = contract_of({{"a", Type::Kind::int64}, {"b", Type::Kind::string}});
    contract.unknown_columns = declare::UnknownColumns::keep;
    auto table = declare::table_schema(source, contract);
    table.fields.push_back({.name = "gone", .type = Type::of(Type::Kind::float64)});
    auto database = std::move(sql::Database::open({})).value();
    auto connection = std::move(database.connect()).value();
    const auto moment = Time{std::chrono::hours{24 * 19783}};
    auto rows = connection.query(
        "SELECT a, b, _extra, CAST(_arrival_date AS VARCHAR), _source_file, _source_line, "
        "CAST(_ingested_at AS VARCHAR), year, month, day, gone FROM (SELECT " +
        landing_select(table, contract, "r", "f", moment) +
        " FROM (SELECT 1::BIGINT a, 'x' b, '{}' _extra, 7::BIGINT _source_line) r, "
        "(SELECT 'in.csv' path, DATE '2024-03-01' arrival) f)");
    ASSERT_TRUE(rows) << to_string(rows.error());
    EXPECT_EQ(rows->integer(0, 0), 1);
    EXPECT_EQ(rows->text(0, 3), "2024-03-01");
    EXPECT_EQ(rows->text(0, 4), "in.csv");
    EXPECT_EQ(rows->integer(0, 5), 7);
    EXPECT_EQ(rows->text(0, 6), "2024-03-01 00:00:00+00");
    EXPECT_EQ(rows->text(0, 7), "2024");
    EXPECT_EQ(rows->text(0, 8), "03");
    EXPECT_EQ(rows->text(0, 9), "01");
    EXPECT_TRUE(rows->is_null(0, 10));
}

TEST(LandingTable, new_columns_are_added_changed_types_refused) {
    const declare::Source source{.name = "s"};
    const auto have = declare::table_schema(source, contract_of({{"a", Type::Kind::int64}}));
    const auto more = schema_change(
        have, declare::table_schema(source, contract_of({{"a", Type::Kind::int64}, {"b", Type::Kind::date}})), "t");
    ASSERT_TRUE(more);
    ASSERT_EQ(more->added.size(), 1u);
    EXPECT_EQ(more->added[0].name, "b");
    const auto changed =
        schema_change(have, declare::table_schema(source, contract_of({{"A", Type::Kind::string}})), "t");
    ASSERT_FALSE(changed);
    EXPECT_NE(changed.error().message.find("as long"), std::string::npos);
}

TEST(LandingTable, masked_columns) {
    // RFC 4231, test case 2, and the hash of "Jefe" itself.
    ASSERT_EQ(::setenv("WEIR_TEST_KEY", "Jefe", 1), 0);
    auto contract =
        contract_of({{"keyed", Type::Kind::string}, {"hashed", Type::Kind::string}, {"gone", Type::Kind::int64}});
    contract.columns[0].masking = "hmac-sha256";
    contract.columns[0].masking_key = "${env:WEIR_TEST_KEY}";
    contract.columns[1].masking = "hash";
    contract.columns[2].masking = "null";
    auto database = std::move(sql::Database::open({})).value();
    auto connection = std::move(database.connect()).value();
    ASSERT_TRUE(prepare_masking(connection, contract, "."));
    Schema table;
    for (const auto& column : contract.columns) table.fields.push_back({.name = column.name, .type = column.type});
    const auto select = landing_select(table, contract, "r", "f", Time{});
    EXPECT_EQ(select.find("Jefe"), std::string::npos);
    auto rows = connection.query("SELECT " + select +
                                 " FROM (VALUES ('what do ya want for nothing?', 'abc', 7::BIGINT), (NULL, NULL, "
                                 "NULL)) r(keyed, hashed, gone), (SELECT 1) f");
    ASSERT_TRUE(rows) << to_string(rows.error());
    EXPECT_EQ(rows->text(0, 0), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(rows->text(0, 1), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_TRUE(rows->is_null(0, 2));
    EXPECT_TRUE(rows->is_null(1, 0));
    EXPECT_TRUE(rows->is_null(1, 1));
}

}  // namespace
}  // namespace weir::orchestrate

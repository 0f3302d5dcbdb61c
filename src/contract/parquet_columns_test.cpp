#include "contract/parquet_columns.h"

#include <gtest/gtest.h>

namespace weir::contract {
namespace {

using declare::Contract;

Contract contract_of(Type type, bool required = false, std::string logical = "") {
    Contract contract;
    contract.columns.resize(1);
    contract.columns[0].name = "c";
    contract.columns[0].type = std::move(type);
    contract.columns[0].required = required;
    contract.columns[0].logical_type = std::move(logical);
    return contract;
}

TEST(ParquetColumns, a_value_that_would_change_breaks_the_promise) {
    struct Case {
        const char* value;  // SQL, typed as in the file
        const char* from;
        Type to;
        bool kept;
    };
    const std::vector<Case> cases{
        {"1.5", "DOUBLE", Type::of(Type::Kind::int64), false},
        {"2.0", "DOUBLE", Type::of(Type::Kind::int64), true},
        {"9007199254740993", "BIGINT", Type::of(Type::Kind::float64), false},
        {"9007199254740992", "BIGINT", Type::of(Type::Kind::float64), true},
        {"3000000000", "BIGINT", Type::of(Type::Kind::int32), false},
        {"1.005", "DECIMAL(10,3)", Type::decimal(10, 2), false},
        {"1.050", "DECIMAL(10,3)", Type::decimal(10, 2), true},
        {"18446744073709551615", "UBIGINT", Type::of(Type::Kind::int64), false},
        {"'2024-01-01 10:00:00'", "TIMESTAMP", Type::of(Type::Kind::date), false},
        {"'2024-01-01'", "DATE", Type::of(Type::Kind::timestamp), true},
        {"NULL", "DOUBLE", Type::of(Type::Kind::int64), true},
        {"'NaN'", "DOUBLE", Type::of(Type::Kind::int64), false},
    };
    auto database = std::move(sql::Database::open({})).value();
    auto connection = std::move(database.connect()).value();
    for (const auto& test : cases) {
        const auto columns = parquet_columns({{"C", test.from}}, contract_of(test.to));
        ASSERT_TRUE(columns) << test.value;
        ASSERT_EQ(columns->type_rules.size(), 1u);
        auto rows = connection.query("SELECT (" + columns->type_rules[0].predicate + ") FROM (SELECT CAST(" +
                                     test.value + " AS " + test.from + ") AS \"C\") f");
        ASSERT_TRUE(rows) << to_string(rows.error());
        EXPECT_EQ(rows->integer(0, 0) != 0, test.kept) << test.value << " as " << test.from;
    }
}

TEST(ParquetColumns, what_cannot_be_converted_is_refused_by_name) {
    EXPECT_FALSE(parquet_columns({{"c", "VARCHAR"}}, contract_of(Type::of(Type::Kind::int64))));
    EXPECT_FALSE(parquet_columns({{"d", "BIGINT"}}, contract_of(Type::of(Type::Kind::int64), true)));
    auto strict = contract_of(Type::of(Type::Kind::int64));
    strict.unknown_columns = declare::UnknownColumns::refuse;
    const auto refused = parquet_columns({{"c", "BIGINT"}, {"x", "BIGINT"}}, strict);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("'x'"), std::string::npos);
}

TEST(ParquetColumns, absent_is_null_nested_is_json) {
    const auto absent = parquet_columns({{"d", "BIGINT"}}, contract_of(Type::of(Type::Kind::int64)));
    ASSERT_TRUE(absent);
    EXPECT_EQ(absent->select[0], "CAST(NULL AS BIGINT) AS \"c\"");
    EXPECT_EQ(absent->unknown, std::vector<std::string>{"d"});
    const auto nested =
        parquet_columns({{"c", "STRUCT(a BIGINT)"}}, contract_of(Type::of(Type::Kind::string), false, "object"));
    ASSERT_TRUE(nested);
    EXPECT_NE(nested->select[0].find("to_json"), std::string::npos);
}

}  // namespace
}  // namespace weir::contract

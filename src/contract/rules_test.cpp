#include "contract/rules.h"

#include <gtest/gtest.h>

#include "sql/database.h"

namespace weir::contract {
namespace {

using declare::Contract;
using declare::ContractColumn;

struct Case {
    const char* what;
    ContractColumn column;
    std::vector<std::string> kept;    // SQL literals
    std::vector<std::string> broken;  // SQL literals
    const char* rule;
};

ContractColumn column_of(Type::Kind kind) {
    ContractColumn column;
    column.name = "c";
    column.type = Type::of(kind);
    return column;
}

std::vector<Case> cases() {
    std::vector<Case> all;
    const auto add = [&](const char* what, Type::Kind kind, auto set, std::vector<std::string> kept,
                         std::vector<std::string> broken, const char* rule) {
        auto column = column_of(kind);
        set(column);
        all.push_back({what, column, std::move(kept), std::move(broken), rule});
    };
    using enum Type::Kind;
    add(
        "required", string, [](auto& c) { c.required = true; }, {"''", "'x'"}, {"NULL"}, "required");
    add(
        "key", int64, [](auto& c) { c.primary_key_position = 1; }, {"0"}, {"NULL"}, "required");
    add(
        "length", string, [](auto& c) { c.min_length = 2; }, {"'äö'", "NULL"}, {"'ä'"}, "minLength");
    add(
        "length", string, [](auto& c) { c.max_length = 2; }, {"'äö'", "NULL"}, {"'abc'"}, "maxLength");
    add(
        "pattern is a search", string, [](auto& c) { c.pattern = "b+"; }, {"'abbc'", "NULL"}, {"'ac'"}, "pattern");
    add(
        "pattern with a quote", string, [](auto& c) { c.pattern = "^it's$"; }, {"'it''s'"}, {"'its'"}, "pattern");
    add(
        "minimum", int64, [](auto& c) { c.minimum = "0"; }, {"0", "5", "NULL"}, {"-1"}, "minimum");
    add(
        "fraction on integers", int64, [](auto& c) { c.minimum = "1.5"; }, {"2"}, {"1"}, "minimum");
    add(
        "beyond 64 bits", int64, [](auto& c) { c.maximum = "99999999999999999999"; }, {"9223372036854775807"}, {},
        "maximum");
    add(
        "exclusive", float64, [](auto& c) { c.exclusive_minimum = "0"; }, {"0.1::DOUBLE"}, {"0::DOUBLE"},
        "exclusiveMinimum");
    add(
        "exclusive", float64, [](auto& c) { c.exclusive_maximum = "1"; }, {"0.9::DOUBLE"}, {"1::DOUBLE"},
        "exclusiveMaximum");
    add(
        "date", date, [](auto& c) { c.minimum = "2024-01-01"; }, {"DATE '2024-01-01'"}, {"DATE '2023-12-31'"},
        "minimum");
    add(
        "moment", timestamp, [](auto& c) { c.maximum = "2024-01-01T00:00:00+00:00"; },
        {"TIMESTAMPTZ '2023-12-31 23:00:00+00:00'"}, {"TIMESTAMPTZ '2024-01-01 00:00:01+00:00'"}, "maximum");
    add(
        "multiple", int64, [](auto& c) { c.multiple_of = "5"; }, {"10", "0", "NULL"}, {"11"}, "multipleOf");
    add(
        "multiple of a fraction", float64, [](auto& c) { c.multiple_of = "0.1"; }, {"0.3::DOUBLE"}, {"0.35::DOUBLE"},
        "multipleOf");
    add(
        "enumeration", string,
        [](auto& c) {
            c.allowed = {"a", "it's"};
        },
        {"'a'", "'it''s'", "NULL"}, {"'A'"}, "enumeration");
    add(
        "enumeration of numbers", int64,
        [](auto& c) {
            c.allowed = {"1", "2"};
        },
        {"1"}, {"3"}, "enumeration");
    add(
        "email", string, [](auto& c) { c.format = "email"; }, {"'a@b.de'"}, {"'a@b'", "'a b@c.de'"}, "format");
    add(
        "uuid", string, [](auto& c) { c.format = "uuid"; }, {"'123e4567-e89b-12d3-a456-426614174000'"}, {"'123'"},
        "format");
    add(
        "ipv4", string, [](auto& c) { c.format = "ipv4"; }, {"'127.0.0.1'"}, {"'256.0.0.1'"}, "format");
    return all;
}

TEST(Rules, each_promise_keeps_and_breaks_as_the_table_says) {
    auto database = std::move(sql::Database::open({})).value();
    auto connection = std::move(database.connect()).value();
    for (const auto& test : cases()) {
        Contract contract;
        contract.columns = {test.column};
        const auto rules = compile_rules(contract);
        ASSERT_EQ(rules.size(), 1u) << test.what;
        EXPECT_EQ(rules[0].name, test.rule) << test.what;
        const auto check = [&](const std::string& literal) {
            auto rows =
                connection.query("SELECT " + all_kept(rules) + ", " + broken_numbers(rules) + " FROM (SELECT CAST(" +
                                 literal + " AS " + to_duckdb(test.column.type) + ") AS c)");
            EXPECT_TRUE(rows) << test.what << ": " << (rows ? "" : to_string(rows.error()));
            if (!rows) return std::pair<bool, std::string>{};
            return std::pair<bool, std::string>{rows->integer(0, 0) != 0, std::string(rows->text(0, 1))};
        };
        for (const auto& literal : test.kept)
            EXPECT_EQ(check(literal), std::make_pair(true, std::string())) << test.what << " " << literal;
        for (const auto& literal : test.broken)
            EXPECT_EQ(check(literal), std::make_pair(false, std::string("0"))) << test.what << " " << literal;
    }
}

TEST(Rules, a_row_rule_that_is_null_passes_and_warnings_do_not_count) {
    Contract contract;
    auto noted = column_of(Type::Kind::int64);
    noted.minimum = "10";
    noted.warn_only = true;
    contract.columns = {noted};
    contract.row_rules = {{.id = "odd", .sql = "c % 2 = 1", .column = "", .description = "c must be odd", .where = {}}};
    const auto rules = compile_rules(contract);
    auto database = std::move(sql::Database::open({})).value();
    auto connection = std::move(database.connect()).value();
    auto rows = connection.query("SELECT " + all_kept(rules) + ", " + broken_numbers(rules) +
                                 " FROM (VALUES (1::BIGINT), (2), (NULL)) t(c)");
    ASSERT_TRUE(rows) << to_string(rows.error());
    EXPECT_EQ(rows->integer(0, 0), 1);
    EXPECT_EQ(rows->integer(1, 0), 0);
    EXPECT_EQ(rows->text(1, 1), "1");
    EXPECT_EQ(rows->integer(2, 0), 1);
}

TEST(Rules, an_expression_that_fails_on_a_row_breaks_that_row_only) {
    declare::Contract contract;
    contract.row_rules = {{.id = "r", .sql = "CAST(c AS INTEGER) > 3", .column = "", .description = "", .where = {}}};
    const auto rules = compile_rules(contract);
    auto database = std::move(sql::Database::open({})).value();
    auto connection = std::move(database.connect()).value();
    auto rows = connection.query("SELECT " + all_kept(rules) + " FROM (VALUES ('7'), ('x'), ('1'), (NULL)) t(c)");
    ASSERT_TRUE(rows) << to_string(rows.error());
    EXPECT_EQ(rows->integer(0, 0), 1);
    EXPECT_EQ(rows->integer(1, 0), 0);
    EXPECT_EQ(rows->integer(2, 0), 0);
    EXPECT_EQ(rows->integer(3, 0), 1);
}

TEST(Rules, a_bound_that_is_no_literal_of_the_type_is_an_error) {
    EXPECT_FALSE(bound_literal(column_of(Type::Kind::int64), "ten"));
    EXPECT_FALSE(bound_literal(column_of(Type::Kind::float64), "1; drop"));
    EXPECT_FALSE(bound_literal(column_of(Type::Kind::boolean), "yes"));
}

}  // namespace
}  // namespace weir::contract

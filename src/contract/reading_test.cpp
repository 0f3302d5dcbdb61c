// The reader, the check and the reject table together: every record is accepted, filtered or filed, once.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "contract/check.h"
#include "contract/duplicates.h"
#include "contract/reject_table.h"
#include "source/reader.h"

namespace weir::contract {
namespace {

namespace fs = std::filesystem;

class Reading : public testing::Test {
protected:
    Reading() {
        folder = fs::temp_directory_path() / ("weir-reading-" + std::to_string(::getpid()));
        fs::create_directories(folder);
        EXPECT_TRUE(source::register_functions(connection));
        declare::ContractColumn id, price;
        id.name = "id";
        id.type = Type::of(Type::Kind::int64);
        id.required = true;
        price.name = "price";
        price.type = Type::decimal(10, 2);
        price.minimum = "0";
        contract.columns = {id, price};
    }
    ~Reading() override { fs::remove_all(folder); }

    fs::path folder;
    sql::Database database = std::move(sql::Database::open({})).value();
    sql::Connection connection = std::move(database.connect()).value();
    declare::Contract contract;
};

TEST_F(Reading, each_record_ends_in_one_place) {
    const auto file = folder / "a.csv";
    std::ofstream(file) << "price,id\n1.50,1\n-3,2\nx,3\n7,\n-1,\n100,6\n5,7,8\n";
    const auto rules = compile_rules(contract);
    auto rejects = RejectTable::open(database, "rejects", rules);
    ASSERT_TRUE(rejects) << to_string(rejects.error());
    source::ReadPlan plan;
    plan.files = {{.path = file.string(), .file_no = 0}};
    plan.columns = contract.columns;
    plan.rejects = [&](std::vector<source::Reject>&& batch) { return rejects->append(batch); };
    auto run = source::ReadRun::start(std::move(plan));
    ASSERT_TRUE(run) << to_string(run.error());
    const auto status =
        connection.run("CREATE TABLE accepted AS SELECT id, price, _source_line FROM " + (*run)->table() + " WHERE " +
                       reading_condition((*run)->handle(), "price IS DISTINCT FROM 100", rules));
    const auto finished = (*run)->finish(status);
    ASSERT_TRUE(finished) << to_string(finished.error());

    auto accepted = connection.query("SELECT id, CAST(price AS VARCHAR), _source_line FROM accepted");
    ASSERT_TRUE(accepted);
    ASSERT_EQ(accepted->row_count(), 1u);
    EXPECT_EQ(accepted->text(0, 1), "1.50");
    EXPECT_EQ(accepted->integer(0, 2), 2);
    auto filed =
        connection.query("SELECT line, \"column\", rule, CAST(raw AS VARCHAR), reason FROM rejects ORDER BY line");
    ASSERT_TRUE(filed) << to_string(filed.error());
    ASSERT_EQ(filed->row_count(), 5u);
    const std::vector<std::vector<std::string>> expected{{"price", "minimum", "-3,2"},
                                                         {"price", "type", "x,3"},
                                                         {"id", "required", "7,"},
                                                         {"id", "required", "-1,"},
                                                         {"", "field_count", "5,7,8"}};
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(filed->text(i, 1), expected[i][0]) << i;
        EXPECT_EQ(filed->text(i, 2), expected[i][1]) << i;
        EXPECT_EQ(filed->text(i, 3), expected[i][2]) << i;
    }
    EXPECT_EQ(filed->text(3, 4), "id is required and missing; price must be at least 0");
    const auto& report = (*run)->report().at(0);
    EXPECT_EQ(report.records, 7);
    EXPECT_EQ(report.filtered, 1);
    EXPECT_EQ(report.rejected + report.rule_rejected, 5);
}

// Columns that are computed are seen by the rules; with brokenRules: first the later rules are not tried.
TEST_F(Reading, a_row_is_told_its_first_broken_rule) {
    const auto file = folder / "b.csv";
    std::ofstream(file) << "id,price\n1,2.50\n2,\n3,-1\n4,20\n5,300\n,7\n";
    declare::ContractColumn twice, label;
    twice.name = "twice";
    twice.type = Type::decimal(12, 2);
    twice.derived = "price * 2";
    label.name = "label";
    label.type = Type::of(Type::Kind::string);
    label.derived = "CASE WHEN price > 10 THEN 'dear' END";
    contract.columns.insert(contract.columns.end(), {twice, label});
    contract.columns[0].required = false;
    contract.columns[0].fallback = "CAST(price AS BIGINT)";
    contract.columns[1].minimum.reset();
    contract.first_rule_only = true;
    contract.row_rules = {{.id = "has_price", .rule = "incomplete", .sql = "price IS NOT NULL"},
                          {.id = "positive", .rule = "positive", .sql = "twice > 0"},
                          {.id = "not_dear", .rule = "incomplete", .sql = "label IS NULL", .description = "too dear"},
                          {.id = "never", .rule = "never", .sql = "price < 10"}};
    const auto rules = compile_rules(contract);
    auto rejects = RejectTable::open(database, "rejects", rules);
    ASSERT_TRUE(rejects) << to_string(rejects.error());
    source::ReadPlan plan;
    plan.files = {{.path = file.string(), .file_no = 0}};
    plan.columns = read_columns(contract);
    ASSERT_EQ(plan.columns.size(), 2u);
    plan.rejects = [&](std::vector<source::Reject>&& batch) { return rejects->append(batch); };
    auto run = source::ReadRun::start(std::move(plan));
    ASSERT_TRUE(run) << to_string(run.error());
    const auto status =
        connection.run("CREATE TABLE accepted AS SELECT id, twice, label FROM " +
                       checked_rows((*run)->table(), (*run)->handle(), contract, "price IS DISTINCT FROM 300", rules));
    const auto finished = (*run)->finish(status);
    ASSERT_TRUE(finished) << to_string(finished.error());
    const auto accepted = connection.query(
        "SELECT string_agg(concat_ws(' ', id, twice, coalesce(label, '-')), ', ' ORDER BY id) FROM accepted");
    ASSERT_TRUE(accepted) << to_string(accepted.error());
    EXPECT_EQ(accepted->text(0, 0), "1 5.00 -, 7 14.00 -");
    const auto filed =
        connection.query("SELECT string_agg(concat_ws(' ', line, rule, reason), ', ' ORDER BY line) FROM rejects");
    ASSERT_TRUE(filed) << to_string(filed.error());
    EXPECT_EQ(filed->text(0, 0),
              "3 incomplete does not hold: price IS NOT NULL, 4 positive does not hold: twice > 0, "
              "5 incomplete too dear");
    EXPECT_EQ((*run)->report().at(0).filtered, 1);
}

TEST(Duplicates, an_expression_is_a_key) {
    auto database = std::move(sql::Database::open({})).value();
    auto connection = std::move(database.connect()).value();
    declare::Contract contract;
    contract.deduplicate.by = declare::Deduplicate::By::expression;
    contract.deduplicate.sql = "coalesce(name, json_canonical(body))";
    const auto rows =
        connection.query("SELECT count(DISTINCT k), count(k), count(*) FROM (SELECT " + *key_hash(contract) +
                         " AS k FROM (VALUES ('a', NULL), ('a', '{}'), (NULL, '{\"x\":1,\"y\":2}'), (NULL, '{ "
                         "\"y\":2.0, \"x\":1}'), (NULL, "
                         "'no JSON')) v(name, body))");
    ASSERT_TRUE(rows) << to_string(rows.error());
    EXPECT_EQ(rows->integer(0, 0), 2);
    EXPECT_EQ(rows->integer(0, 1), 4);
    EXPECT_EQ(rows->integer(0, 2), 5);
}

}  // namespace
}  // namespace weir::contract

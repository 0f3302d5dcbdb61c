#include "contract/dataset.h"

#include <gtest/gtest.h>

#include "sql/database.h"

namespace weir::contract {
namespace {

using declare::DatasetRule;
using Metric = DatasetRule::Metric;
using Operator = DatasetRule::Operator;

TEST(Dataset, measures_what_the_metric_names) {
    struct Case {
        Metric metric;
        std::vector<std::string> values;
        const char* pattern;
        const char* query;
        double measured, rows;
    };
    const std::vector<Case> cases{
        {Metric::row_count, {}, "", "", 6, 6},
        {Metric::null_values, {}, "", "", 1, 6},
        {Metric::missing_values, {"", "N/A"}, "", "", 3, 6},
        {Metric::invalid_values, {"a", "b"}, "", "", 2, 6},
        {Metric::invalid_values, {}, "^[a-z]*$", "", 1, 6},
        {Metric::duplicate_values, {}, "", "", 1, 5},
        {Metric::sql, {}, "", "SELECT count(*) FROM {object} WHERE {property} = 'a'", 2, 0},
        {Metric::sql, {}, "", "SELECT count(*) > 3 FROM ${table}", 1, 0},
    };
    auto database = std::move(sql::Database::open({})).value();
    auto connection = std::move(database.connect()).value();
    ASSERT_TRUE(
        connection.run("CREATE TABLE t AS SELECT * FROM (VALUES ('a'), ('a'), ('b'), (''), ('N/A'), (NULL)) v(c)"));
    for (const auto& test : cases) {
        DatasetRule rule{.id = "r",
                         .metric = test.metric,
                         .columns = {"c"},
                         .values = test.values,
                         .pattern = test.pattern,
                         .query = test.query};
        const auto sql = measure_query(rule, "t");
        auto rows = connection.query(sql);
        ASSERT_TRUE(rows) << sql << "\n" << to_string(rows.error());
        EXPECT_EQ(rows->real(0, 0), test.measured) << sql;
        EXPECT_EQ(rows->real(0, 1), test.rows) << sql;
    }
}

TEST(Dataset, exactly_at_the_bound_passes_where_the_operator_includes_it) {
    struct Case {
        Operator op;
        double bound, high, measured;
        bool passed;
    };
    for (const Case& test : {Case{Operator::be, 5, 0, 5, true}, Case{Operator::not_be, 5, 0, 5, false},
                             Case{Operator::greater, 5, 0, 5, false}, Case{Operator::greater_or_equal, 5, 0, 5, true},
                             Case{Operator::less, 5, 0, 5, false}, Case{Operator::less_or_equal, 5, 0, 5, true},
                             Case{Operator::between, 5, 9, 9, true}, Case{Operator::between, 5, 9, 9.1, false},
                             Case{Operator::not_between, 5, 9, 5, false}}) {
        const DatasetRule rule{.id = "r", .op = test.op, .bound = test.bound, .bound_high = test.high};
        EXPECT_EQ(judge(rule, test.measured, 100).passed, test.passed)
            << static_cast<int>(test.op) << " " << test.measured;
    }
    const DatasetRule share{.id = "nulls", .op = Operator::less_or_equal, .bound = 5, .percent = true};
    EXPECT_TRUE(judge(share, 5, 100).passed);
    EXPECT_FALSE(judge(share, 6, 100).passed);
    EXPECT_TRUE(judge(share, 0, 0).passed);
    EXPECT_EQ(judge(share, 6, 100).sentence, "nulls is 6 %, must be at most 5 %");
}

TEST(Dataset, quarantine_limit) {
    EXPECT_TRUE(within_quarantine_limit(5, 100, 5));
    EXPECT_FALSE(within_quarantine_limit(6, 100, 5));
    EXPECT_TRUE(within_quarantine_limit(0, 0, 0));
    EXPECT_FALSE(within_quarantine_limit(1, 1000000, 0));
}

}  // namespace
}  // namespace weir::contract

// Every aggregate over every kind of argument, with FILTER and DISTINCT, over groups of NULLs, of nothing and of
// extremes.
#include "view/split/aggregates.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <iostream>

#include "view/split/testing.h"

namespace weir::view {
namespace {

using testing::is_error;
using testing::nearly_equal;
using testing::Pieces;

TEST(Aggregates, list_holds_all_of_duckdb) {
    Pieces pieces;
    const auto rows = pieces.connection().query(
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'aggregate' "
        "AND regexp_full_match(function_name, '[a-z_]+') AND function_name NOT IN ('cume_dist', 'dense_rank', 'fill', "
        "'first_value', 'lag', 'last_value', 'lead', 'nth_value', 'ntile', 'percent_rank', 'rank', 'rank_dense', "
        "'row_number') ORDER BY 1");
    ASSERT_TRUE(bool(rows));
    EXPECT_GT(rows->row_count(), 60U);
    for (std::size_t row = 0; row < rows->row_count(); ++row)
        EXPECT_TRUE(is_aggregate(rows->text(row, 0))) << rows->text(row, 0);
}

struct Called {
    const char* call;           // $ is the argument
    bool decides_ties = false;  // DuckDB's own answer depends on the order of rows, or is rounded on the way
};

constexpr Called calls[] = {
    {"count($)"},
    {"sum($)"},
    {"avg($)"},
    {"mean($)"},
    {"min($)"},
    {"max($)"},
    {"min($, 2)"},
    {"max($, 2)"},
    {"bool_and($)"},
    {"bool_or($)"},
    {"bit_and($)"},
    {"bit_or($)"},
    {"bit_xor($)"},
    {"count_if($)"},
    {"countif($)"},
    {"fsum($)", true},
    {"favg($)", true},
    {"kahan_sum($)", true},
    {"sumkahan($)", true},
    {"var_samp($)"},
    {"variance($)"},
    {"var_pop($)"},
    {"stddev($)"},
    {"stddev_samp($)"},
    {"stddev_pop($)"},
    {"sem($)"},
    {"covar_pop($, n)"},
    {"covar_samp(n, $)"},
    {"corr($, n)"},
    {"regr_count($, n)"},
    {"regr_avgx(n, $)"},
    {"regr_avgy($, n)"},
    {"regr_sxx(n, $)"},
    {"regr_syy($, n)"},
    {"regr_sxy($, n)"},
    {"regr_slope($, n)"},
    {"regr_intercept($, n)"},
    {"regr_r2($, n)"},
    {"arg_min($, n)"},
    {"arg_max($, n)"},
    {"arg_max(n, $)", true},
    {"min_by(n, $)", true},
    {"max_by($, n)"},
    {"argmin($, n)"},
    {"argmax($, n)"},
    {"arg_min_null($, n)"},
    {"arg_max_null($, n)"},
    {"arg_max($, n, 2)"},
    {"arg_min_nulls_last($, n)"},
    {"arg_max_nulls_last($, n)"},
    {"any_value($)", true},
    {"arbitrary($)", true},
    {"first($)", true},
    {"last($)", true},
    {"list($)", true},
    {"array_agg($ ORDER BY n)"},
    {"string_agg($, '|')", true},
    {"string_agg($, '|' ORDER BY n)"},
    {"group_concat($)", true},
    {"listagg($, '')", true},
    {"product($)"},
    {"median($)"},
    {"quantile_cont($, 0.3)"},
    {"quantile_cont($, [0.2, 0.8])"},
    {"quantile_disc($, 0.3)"},
    {"quantile($, 0.5)"},
    {"mode($)", true},
    {"mad($)"},
    {"histogram($)"},
    {"entropy($)"},
    {"skewness($)"},
    {"kurtosis($)"},
    {"kurtosis_pop($)"},
    {"geomean($)"},
    {"geometric_mean($)"},
    {"weighted_avg($, n)"},
    {"approx_count_distinct($)", true},
    {"approx_quantile($, 0.5)", true},
    {"approx_top_k($, 2)", true},
    {"json_group_array($)", true},
    {"json_group_object(n::VARCHAR, $)", true},
};

TEST(Aggregates, over_every_argument_with_filter_and_distinct) {
    Pieces pieces;
    // Groups: only NULLs, one row, repeats, extremes, and rows without a group.
    pieces.add_events("e", R"(SELECT CASE WHEN r < 2 THEN 'nulls' WHEN r < 3 THEN 'one' WHEN r < 12 THEN 'repeats'
            WHEN r < 20 THEN 'extremes' END AS k, r::INTEGER AS n, r % 2 = 0 AS even, u.*
        FROM (SELECT r, CASE WHEN r < 2 OR r % 7 = 6 THEN NULL WHEN r < 12 THEN r % 3 ELSE r END AS v FROM range(26) q(r)),
        LATERAL (SELECT (CASE WHEN r IN (13, 14) THEN -2147483648 WHEN r = 15 THEN 2147483647 ELSE v - 1 END)::INTEGER AS i,
            (CASE WHEN r IN (13, 14) THEN -9223372036854775807 WHEN r = 15 THEN 9223372036854775807 ELSE v END)::BIGINT AS b,
            (CASE WHEN r = 13 THEN '-17014118346046923173168730371588410572'::HUGEINT ELSE v END)::HUGEINT AS h,
            (CASE WHEN r = 13 THEN -99999999.99 WHEN r = 15 THEN 99999999.99 ELSE v / 4 END)::DECIMAL(10, 2) AS d,
            (CASE WHEN r = 13 THEN -1e15 WHEN r = 15 THEN 1e-15 ELSE v / 7 END)::DOUBLE AS x, (v / 3)::FLOAT AS f,
            TIMESTAMP '1969-12-31 23:59:58' + to_seconds(v::BIGINT) AS t, DATE '2024-02-28' + v::INTEGER AS a,
            to_seconds(v::BIGINT) AS z, CASE WHEN v = 1 THEN '' ELSE 'ä' || v END AS s, v % 2 = 0 AS o, [v, NULL] AS l) u)");
    std::mt19937_64 random(7);
    // Under a sanitizer each statement costs fifty times as much: one pair of seven there, every call and argument
    // among them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    constexpr std::size_t one_of = 7;
#else
    constexpr std::size_t one_of = 1;
#endif
    std::size_t pairs = 0, asked = 0, accepted = 0;
    for (const auto& [call, decides_ties] : calls) {
        for (const char* argument : {"i", "b", "h", "d", "x", "t", "a", "s", "o", "l"}) {
            if (pairs++ % one_of != 0) continue;
            std::string one = call;
            while (one.find('$') != std::string::npos) one.replace(one.find('$'), 1, argument);
            auto distinct = one;
            distinct.insert(distinct.find('(') + 1, "DISTINCT ");
            std::vector<std::string> items;
            for (const auto& form : {one, one + " FILTER (WHERE even)", one + " FILTER (WHERE n < 0)", distinct,
                                     distinct + " FILTER (WHERE even)"}) {
                ++asked;
                if (pieces.connection().describe("SELECT " + form + " FROM e")) items.push_back(form);
            }
            if (items.empty()) continue;
            for (const auto& sql : {fmt::format("SELECT k, {} FROM e GROUP BY k ORDER BY k", fmt::join(items, ", ")),
                                    fmt::format("SELECT {} FROM e WHERE n < 0", items.front())}) {
                SCOPED_TRACE(sql);
                const auto written = pieces.answer(sql);
                if (is_error(written)) continue;  // out of range, as the values are
                if (sql.starts_with("SELECT k,")) accepted += items.size();
                const auto found = split(pieces.connection(), pieces.input(sql));
                ASSERT_TRUE(bool(found)) << found.error().message;
                EXPECT_TRUE(found->rows.empty()) << ::testing::PrintToString(found->row_by_row);
                const auto plain = pieces.answer(found->plain);
                EXPECT_FALSE(is_error(plain)) << found->plain << "\n" << plain.front();
                EXPECT_EQ(pieces.answer_in_pieces(*found, 2, random), plain) << found->finish;
                if (!decides_ties) {
                    EXPECT_TRUE(nearly_equal(plain, written)) << ::testing::PrintToString(written) << "\n"
                                                              << ::testing::PrintToString(plain);
                }
            }
        }
    }
    std::cout << accepted << " of " << asked << " calls accepted by DuckDB\n";
    EXPECT_GT(accepted, 1500U / one_of);
}

// What DuckDB gives for them is rounding noise, which depends on how the rows were added up.
TEST(Aggregates, of_equal_values_say_so_however_they_came) {
    Pieces pieces;
    pieces.add_events("e", "SELECT n % 3 AS k, 22.9::DOUBLE + n % 3 AS x FROM range(30) q(n)");
    pieces.add_events("f", "SELECT n % 2 AS k, 22.9::DOUBLE + n % 2 AS x FROM range(9) q(n)");
    std::mt19937_64 random(3);
    for (const auto* value : {"x", "22.9::DOUBLE", "22.9", "CAST(22.9 AS FLOAT)", "(22.9 + k)"}) {
        const auto sql = fmt::format(
            "SELECT k, skewness({0}) AS s, kurtosis({0}) AS u, kurtosis_pop({0}) AS p, product({0}) AS y, "
            "skewness({0}) FILTER (WHERE k < 0) AS none, product(DISTINCT {0}) AS once "
            "FROM (FROM e UNION ALL FROM f) GROUP BY k ORDER BY k",
            value);
        SCOPED_TRACE(sql);
        const auto found = split(pieces.connection(), pieces.input(sql));
        ASSERT_TRUE(bool(found)) << found.error().message;
        EXPECT_TRUE(found->rows.empty()) << ::testing::PrintToString(found->row_by_row);
        const auto plain = pieces.answer(found->plain);
        EXPECT_EQ(plain.size(), 3U);
        for (const auto& line : plain) EXPECT_THAT(line, ::testing::HasSubstr(R"("s":NaN,"u":null,"p":null,"y":)"));
        for (const int count : {1, 2, 5})
            EXPECT_EQ(pieces.answer_in_pieces(*found, count, random), plain) << found->finish;
        const auto exact = pieces.answer(fmt::format(
            "SELECT k, abs(y / pow(v, n) - 1) < 1e-12 AND once = v AND none IS NULL AS near FROM ({}) JOIN "
            "(SELECT k, count(*) AS n, any_value({})::DOUBLE AS v FROM (FROM e UNION ALL FROM f) GROUP BY k) "
            "USING (k) ORDER BY k",
            found->plain, value));
        for (const auto& line : exact) EXPECT_THAT(line, ::testing::HasSubstr(R"("near":true)"));
    }
}

}  // namespace
}  // namespace weir::view

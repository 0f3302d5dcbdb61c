#include "declare/sql_text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "declare/determinism.h"
#include "declare/duckdb_check.h"
#include "declare/params.h"
#include "declare/sql_tree.h"
#include "declare/view_file.h"

namespace weir::declare {
namespace {

std::string words(std::string_view sql) {
    std::string text;
    for (const auto& token : sql_tokens(sql))
        text += (text.empty() ? "" : " ¦ ") + std::string(sql.substr(token.begin, token.end - token.begin));
    return text;
}

TEST(SqlText, tokens_know_texts_comments_and_parameters) {
    EXPECT_EQ(words("select 'it''s $a', \"q\"\"$b\", $c -- $d\n/* $e /* nested */ $f */ from t1"),
              "select ¦ 'it''s $a' ¦ , ¦ \"q\"\"$b\" ¦ , ¦ $c ¦ from ¦ t1");
    EXPECT_EQ(words("E'a\\'$b' $$ $c $$ $x$ $d $$ $x$ $e"), "E'a\\'$b' ¦ $$ $c $$ ¦ $x$ $d $$ $x$ ¦ $e");
    EXPECT_EQ(words("1.5e3+x"), "1.5e3 ¦ + ¦ x");
    EXPECT_EQ(words("'open"), "'open");
}

TEST(SqlText, statements) {
    const std::string sql = " ;a ';' b; -- c;\n d ;";
    const auto found = sql_statements(sql);
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(sql.substr(found[0].begin, found[0].end - found[0].begin), "a ';' b");
    EXPECT_EQ(sql.substr(found[1].begin, found[1].end - found[1].begin), "d");
}

Project project_with(Param::Kind kind, const std::string& value) {
    Project project;
    Param param;
    param.name = "p";
    param.kind = kind;
    project.params.push_back(param);
    project.param_values["p"] = value;
    return project;
}

TEST(SqlText, parameters_become_literals_that_keep_their_value) {
    auto duckdb = DuckdbCheck::open();
    ASSERT_TRUE(duckdb);
    for (const std::string value :
         {"beef", "it's", "'; DROP TABLE x; --", "\\", "a\nb\tc", "$p", "", "é\"", "E'\\x41"}) {
        const auto project = project_with(Param::Kind::text, value);
        Problems problems;
        const std::string sql = "SELECT $p AS p, '$p' AS q";
        const auto filled = fill_sql({"f", 1, sql}, project, problems);
        EXPECT_TRUE(problems.none());
        EXPECT_EQ(filled.sql.find('\n'), std::string::npos);
        const auto rows = duckdb->connection().query(filled.sql);
        ASSERT_TRUE(rows) << filled.sql;
        EXPECT_EQ(rows->text(0, 0), value);
        EXPECT_EQ(rows->text(0, 1), "$p");
    }
    for (const auto& [kind, value, shown] : {std::tuple{Param::Kind::integer, "-5", "-5"},
                                             {Param::Kind::integer, "", "NULL"},
                                             {Param::Kind::number, "1.5", "1.5"},
                                             {Param::Kind::date, "2024-03-01", "2024-03-01"},
                                             {Param::Kind::date, "", "NULL"}}) {
        Problems problems;
        const auto filled =
            fill_sql({"f", 1, "SELECT coalesce($p::VARCHAR, 'NULL')"}, project_with(kind, value), problems);
        const auto rows = duckdb->connection().query(filled.sql);
        ASSERT_TRUE(rows) << filled.sql;
        EXPECT_EQ(rows->text(0, 0), shown);
    }
}

TEST(SqlText, places_lead_back_to_the_original) {
    Problems problems;
    const auto filled = fill_sql({"f", 1, "a $p b $p c"}, project_with(Param::Kind::text, "long value"), problems);
    EXPECT_EQ(filled.sql, "a 'long value' b 'long value' c");
    EXPECT_EQ(filled.original(filled.sql.find('b')), 5u);
    EXPECT_EQ(filled.original(filled.sql.find('c')), 10u);
    EXPECT_EQ(filled.original(5), 2u);
    EXPECT_EQ(filled.original(0), 0u);
}

TEST(SqlTree, reads_what_stands_behind_from_and_no_name_of_a_with) {
    auto duckdb = DuckdbCheck::open();
    ASSERT_TRUE(duckdb);
    const auto tables = [&](const std::string& sql) {
        SqlFault fault;
        const auto tree = duckdb->parse(sql, fault);
        EXPECT_TRUE(tree) << fault.message;
        std::string text;
        if (tree) {
            for (const auto& use : uses_of(tree->front()).tables)
                text += (use.schema.empty() ? "" : use.schema + ".") + use.name + " ";
        }
        return text;
    };
    EXPECT_EQ(tables("SELECT * FROM a"), "a ");
    EXPECT_EQ(tables("WITH c AS (FROM a) SELECT * FROM c JOIN b USING (x)"), "a b ");
    // The body of a WITH that is not recursive does not know its own name.
    EXPECT_EQ(tables("WITH a AS (SELECT * FROM a) FROM a"), "a ");
    EXPECT_EQ(tables("WITH RECURSIVE r AS (SELECT 1 i UNION ALL SELECT i + 1 FROM r, b) FROM r"), "b ");
    EXPECT_EQ(
        tables("WITH c AS (SELECT 1) SELECT (SELECT max(x) FROM d) FROM c, weir.accounting w WHERE EXISTS (FROM e)"),
        "weir.accounting d e ");
    EXPECT_EQ(tables("SELECT * FROM (WITH c AS (FROM a) FROM c) s, c"), "a c ");
    EXPECT_EQ(tables("SELECT * FROM a UNION ALL SELECT * FROM b"), "a b ");
    EXPECT_EQ(tables("SELECT * FROM a, LATERAL (SELECT a.x) l, unnest([1]) u"), "a ");
    EXPECT_EQ(tables("PIVOT a ON x IN (1, 2) USING sum(y)"), "a ");
}

TEST(Determinism, knows_every_function_that_duckdb_calls_unstable) {
    auto database = sql::Database::open({.threads = 1});
    ASSERT_TRUE(database);
    auto connection = database->connect();
    ASSERT_TRUE(connection);
    const auto rows =
        connection->query("SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability <> 'CONSISTENT'");
    ASSERT_TRUE(rows);
    EXPECT_GT(rows->row_count(), 20u);
    for (std::size_t row = 0; row < rows->row_count(); ++row)
        EXPECT_NE(way_out_of_nondeterminism(rows->text(row, 0)), "") << rows->text(row, 0);
    EXPECT_EQ(way_out_of_nondeterminism("sum"), "");
}

TEST(ViewFile, header_and_select_are_told_apart) {
    Problems problems;
    const auto split = split_view("\n/* weir\nkeep: every_interval\n*/  SELECT 1;\n-- end\n", "f", problems);
    View view;
    read_view_header(split, "f", view, problems);
    EXPECT_TRUE(problems.none());
    EXPECT_EQ(view.keep, View::Keep::every_interval);
    // Columns stay those of the file.
    EXPECT_EQ(split.sql, "    SELECT 1");
    EXPECT_EQ(split.sql_line, 4);
    const auto plain = split_view("/* weird */ SELECT 2", "f", problems);
    EXPECT_TRUE(plain.header.empty());
    EXPECT_EQ(plain.sql, "/* weird */ SELECT 2");
}

}  // namespace
}  // namespace weir::declare

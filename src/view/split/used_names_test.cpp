#include "view/split/used_names.h"

#include <gtest/gtest.h>

namespace weir::view {
namespace {

template <class Names>
std::string names_of(const std::string& sql, const Names& names_in) {
    auto database = sql::Database::open({.threads = 1}).value();
    auto connection = database.connect().value();
    EXPECT_TRUE(bool(
        connection.run("CREATE TABLE t AS SELECT 1 AS a, 2 AS b, 3 AS c; CREATE TABLE u AS SELECT 1 AS a, 4 AS d")));
    Trees trees(connection);
    const auto query = trees.query(sql);
    EXPECT_TRUE(bool(query)) << sql;
    const auto names = names_in(trees, *query);
    if (!names) return "any";
    std::string text;
    for (const auto& name : *names) text += (text.empty() ? "" : " ") + name;
    return text;
}

std::string used(const std::string& sql) {
    return names_of(sql, [](Trees& trees, const Tree& query) { return used_names(trees, query); });
}

std::string read(const std::string& sql) {
    return names_of(sql, [](Trees&, const Tree& query) { return read_names(query); });
}

TEST(UsedNames, are_named_somewhere_or_given) {
    const std::pair<const char*, const char*> cases[] = {
        {"SELECT a FROM (SELECT *, row_number() OVER (ORDER BY b) AS n FROM t)", "a b"},
        {"SELECT A AS x FROM (SELECT * FROM t) q WHERE q.N > 1 OR true", "any"},  // does not bind
        {"SELECT A AS x FROM (SELECT * FROM t) q WHERE q.C > 1", "a c q x"},
        {"SELECT * FROM (SELECT *, 1 AS n FROM t)", "a b c n"},
        {"WITH m AS (SELECT * FROM t) SELECT a FROM m JOIN u USING (a)", "a"},
        {"SELECT d FROM (SELECT * FROM t) x NATURAL JOIN u", "any"},
        {"SELECT x.a FROM (SELECT * FROM t) x, (SELECT * FROM u) y WHERE x.a = y.d", "a d x y"},
        {"SELECT a FROM (SELECT * FROM t LIMIT 1)", "any"},
        {"SELECT a FROM (SELECT DISTINCT * FROM t)", "any"},
        {"SELECT a FROM (SELECT DISTINCT ON (b) * FROM t)", "any"},
        {"SELECT a FROM (SELECT *, count(*) FROM t GROUP BY ALL)", "any"},
        {"SELECT a FROM (SELECT * FROM t UNION ALL SELECT 1, 2, 3)", "any"},
        {"SELECT a FROM (SELECT a, b FROM t UNION ALL SELECT a, d FROM u)", "a b d"},
        {"SELECT a FROM (SELECT * FROM t) q(x, y, a)", "any"},
        {"WITH q(x, y, a) AS (SELECT * FROM t) SELECT a FROM q", "any"},
        {"SELECT a FROM (SELECT * RENAME (b AS a2) FROM t)", "any"},
        {"SELECT a FROM (SELECT COLUMNS('a|b') FROM t)", "any"},
        {"SELECT q AS whole FROM (SELECT * FROM t) q", "any"},
        {"SELECT count(*) AS n FROM t WHERE 1 IN (SELECT * FROM (SELECT a FROM u))", "any"},
        {"SELECT a FROM (SELECT * EXCLUDE (b) FROM t)", "a"},
        {"SELECT a FROM (SELECT * REPLACE (c + 1 AS a) FROM t)", "a c"},
        {"SELECT #2 AS x FROM t", "any"},
        {"SELECT coalesce(*COLUMNS(*)) AS x FROM t", "any"},
    };
    for (const auto& [sql, names] : cases) EXPECT_EQ(used(sql), names) << sql;
}

TEST(UsedNames, of_tables_are_those_that_a_query_reads) {
    const std::pair<const char*, const char*> cases[] = {
        {"SELECT count(*) AS n, sum(b) AS s FROM t WHERE c > 1", "b c"},
        {"SELECT count(*) AS n FROM t", ""},
        {"SELECT a AS k1 FROM (SELECT * FROM t)", "a"},
        {"SELECT * FROM t", "any"},
        {"SELECT *, a AS x FROM t", "any"},
        {"SELECT t AS whole FROM t", "any"},
        {"SELECT x.b AS k1 FROM t x, u WHERE x.a = u.a", "a b u x"},
        {"SELECT #1 AS k1, count(*) AS c1 FROM t GROUP BY ALL", "any"},
        {"SELECT (SELECT max(d) FROM u WHERE u.a = t.a) AS k1 FROM t", "a d t u"},
    };
    for (const auto& [sql, names] : cases) EXPECT_EQ(read(sql), names) << sql;
}

}  // namespace
}  // namespace weir::view

#include "view/split/macros.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "view/split/testing.h"

namespace weir::view {
namespace {

using ::testing::HasSubstr;
using testing::Pieces;
using testing::sorted;

class MacrosTest : public ::testing::Test {
protected:
    MacrosTest() {
        pieces.add_events("visits", R"(SELECT i AS id, (TIMESTAMP '2024-03-01' + to_seconds(i * 7919 % 900000)) AS ts,
            'u' || (hash(i, 1) % 13) AS user_id, CASE WHEN hash(i, 2) % 9 > 0 THEN 'p' || (hash(i, 3) % 5) END AS page,
            (hash(i, 4) % 1000)::INTEGER AS spent, hash(i, 8) % 3 = 0 AS ok, {'a': hash(i, 5) % 7} AS part,
            [i % 3, i % 5] AS numbers FROM range(400) r(i))");
        pieces.add_events("orders", R"(SELECT i AS id, 'u' || (hash(i, 11) % 17) AS user_id,
            (hash(i, 12) % 50)::BIGINT AS amount FROM range(150) r(i))");
        pieces.add_reference("pages", "SELECT 'p' || i AS page, 'group' || (i % 2) AS kind FROM range(4) r(i)");
    }

    // The macros are the only ones from now on.
    Macros::Written written_out(const std::string& script, const std::string& sql) {
        pieces.run(script);
        const auto macros = Macros::of(pieces.connection(), script);
        EXPECT_TRUE(bool(macros)) << script;
        auto written = macros->write_out(pieces.connection(), sql);
        EXPECT_TRUE(bool(written)) << sql << "\n" << (written ? "" : written.error().message);
        return written ? std::move(*written) : Macros::Written{};
    }
    Split splits(const std::string& sql) {
        auto result = split(pieces.connection(), pieces.input(sql));
        EXPECT_TRUE(bool(result)) << sql << "\n" << (result ? "" : result.error().message);
        return result ? std::move(*result) : Split{};
    }
    void drop_macros() {
        const auto macros = pieces.connection().query(
            "SELECT DISTINCT format('DROP MACRO {}\"{}\"', CASE function_type WHEN 'macro' THEN '' ELSE 'TABLE ' END, "
            "function_name) FROM duckdb_functions() WHERE NOT internal AND macro_definition IS NOT NULL");
        for (std::size_t row = 0; row < macros->row_count(); ++row) pieces.run(std::string(macros->text(row, 0)));
    }

    Pieces pieces;
    std::uint64_t seed = std::random_device{}();
    std::mt19937_64 random{seed};
};

constexpr auto* rate = "CREATE MACRO rate(x) AS sum(x) / count(*)";

TEST_F(MacrosTest, are_split_as_their_bodies_are) {
    const struct {
        const char* name;
        const char* macros;
        const char* view;
        const char* written;
    } cases[] = {
        {"an aggregate", rate, "SELECT user_id, rate(spent) FROM visits GROUP BY user_id",
         "SELECT user_id, sum(spent) / count(*) AS \"rate(spent)\" FROM visits GROUP BY user_id"},
        {"with a name", rate, "SELECT user_id, Rate(spent) AS r FROM visits GROUP BY ALL ORDER BY r DESC, user_id",
         "SELECT user_id, sum(spent) / count(*) AS r FROM visits GROUP BY ALL ORDER BY r DESC, user_id"},
        {"everywhere", rate,
         "SELECT user_id FROM visits GROUP BY user_id HAVING rate(spent) > 450 ORDER BY rate(spent), user_id",
         "SELECT user_id FROM visits GROUP BY user_id HAVING sum(spent) / count(*) > 450 ORDER BY sum(spent) / "
         "count(*), user_id"},
        {"in an expression", rate, "SELECT page, round(100 * rate(spent + id)) FROM visits WHERE ok GROUP BY page",
         "SELECT page, round(100 * (sum(spent + id) / count(*))) AS \"round((100 * rate((spent + id))))\" FROM "
         "visits WHERE ok GROUP BY page"},
        {"precedence", "CREATE MACRO twice(x) AS 2 * x + count(*)",
         "SELECT page, 10 - twice(max(id) - 1) AS n FROM visits GROUP BY page",
         "SELECT page, 10 - (2 * (max(id) - 1) + count(*)) AS n FROM visits GROUP BY page"},
        {"below", rate, "SELECT max(\"rate(spent)\") AS m FROM (SELECT page, rate(spent) FROM visits GROUP BY page)",
         "SELECT max(\"rate(spent)\") AS m FROM (SELECT page, sum(spent) / count(*) AS \"rate(spent)\" FROM visits "
         "GROUP BY "
         "page)"},
        {"in WITH, with alike columns", rate,
         "WITH x AS (SELECT page AS x, rate(spent) AS r FROM visits GROUP BY 1) SELECT x, r + 1 AS r FROM x",
         "WITH x AS (SELECT page AS x, sum(spent) / count(*) AS r FROM visits GROUP BY 1) SELECT x, r + 1 AS r "
         "FROM x"},
        {"a parameter goes before a column", "CREATE MACRO most(id, spent) AS max(spent) - min(id)",
         "SELECT page, most(spent, id) AS m FROM visits GROUP BY page",
         "SELECT page, max(id) - min(spent) AS m FROM visits GROUP BY page"},
        {"names and defaults",
         "CREATE MACRO share(x, of := 10 * 10, \"Off Set\" := 0) AS of * sum(x) / count(*) + \"Off Set\"",
         "SELECT page, share(spent) AS a, share(id, 2) AS b, share(id, \"off set\" := 3) AS c, share(x := id, OF := 5) "
         "AS d FROM visits GROUP BY page",
         "SELECT page, 10 * 10 * sum(spent) / count(*) + 0 AS a, 2 * sum(id) / count(*) + 0 AS b, 10 * 10 * sum(id) / "
         "count(*) + 3 AS c, 5 * sum(id) / count(*) + 0 AS d FROM visits GROUP BY page"},
        {"types", "CREATE MACRO total(x BIGINT, d DOUBLE) AS sum(x) / d",
         "SELECT page, total(spent, 2) AS t FROM visits GROUP BY page",
         "SELECT page, sum(CAST(spent AS BIGINT)) / CAST(2 AS DOUBLE) AS t FROM visits GROUP BY page"},
        {"overloads", "CREATE MACRO total(x) AS sum(x), (x, y) AS sum(x + y)",
         "SELECT page, total(id) AS one, total(id, spent) AS two FROM visits GROUP BY page",
         "SELECT page, sum(id) AS one, sum(id + spent) AS two FROM visits GROUP BY page"},
        {"overloads with defaults", "CREATE MACRO total(x) AS sum(x), (x, y, f := 2, \"a, b\" := 1) AS f * sum(x + y)",
         "SELECT page, total(id) AS one, total(id, spent) AS two, total(id, spent, f := 3) AS three FROM visits GROUP "
         "BY "
         "page",
         "SELECT page, sum(id) AS one, 2 * sum(id + spent) AS two, 3 * sum(id + spent) AS three FROM visits GROUP BY "
         "page"},
        {"macros of macros",
         "CREATE MACRO half(x) AS x / 2; CREATE MACRO total(y) AS sum(half(y)); CREATE MACRO twice(x) AS total(x) + "
         "total(x + 1)",
         "SELECT page, twice(spent) AS t, half(count(*)) AS h FROM visits GROUP BY page",
         "SELECT page, sum(half(spent)) + sum(half(spent + 1)) AS t, half(count(*)) AS h FROM visits GROUP BY page"},
        {"an argument is one", "CREATE MACRO total(x) AS sum(x); CREATE MACRO off(x, y) AS x - y * count(*)",
         "SELECT page, off(total(id), y := total(spent)) AS o FROM visits GROUP BY page",
         "SELECT page, sum(id) - sum(spent) * count(*) AS o FROM visits GROUP BY page"},
        {"distinct and filter inside", "CREATE MACRO who(x, which) AS count(DISTINCT x) FILTER (WHERE which)",
         "SELECT page, who(user_id, NOT ok) AS n FROM visits GROUP BY page",
         "SELECT page, count(DISTINCT user_id) FILTER (WHERE NOT ok) AS n FROM visits GROUP BY page"},
        {"a lambda",
         "CREATE MACRO spread(x, step) AS list_sum(list_transform([1, 2], lambda each: each * step)) + sum(x)",
         "SELECT page, spread(spent, 3) AS s FROM visits GROUP BY page",
         "SELECT page, list_sum(list_transform([1, 2], lambda each: each * 3)) + sum(spent) AS s FROM visits GROUP BY "
         "page"},
        {"a column in a lambda",
         "CREATE MACRO spread(x, step) AS list_sum(list_transform(x, lambda each: each * step)) + count(*)",
         "SELECT id, spread(numbers, id) AS s FROM visits GROUP BY id, numbers",
         "SELECT id, list_sum(list_transform(numbers, lambda each: each * visits.id)) + count(*) AS s FROM visits "
         "GROUP "
         "BY id, numbers"},
        {"a window", "CREATE MACRO place(k, o) AS row_number() OVER (PARTITION BY k ORDER BY o)",
         "SELECT page, id FROM visits QUALIFY place(page, ts) = 1",
         "SELECT page, id FROM visits QUALIFY row_number() OVER (PARTITION BY page ORDER BY ts) = 1"},
        {"a window over an aggregate", "CREATE MACRO so_far(x, o) AS sum(x) OVER (ORDER BY o)",
         "SELECT page, so_far(count(*), page) AS n FROM visits GROUP BY page",
         "SELECT page, sum(count(*)) OVER (ORDER BY page) AS n FROM visits GROUP BY page"},
        {"a query", "CREATE MACRO longest() AS (SELECT max(spent) FROM visits)",
         "SELECT user_id, count(*) AS n, longest() AS l FROM orders GROUP BY user_id",
         "SELECT user_id, count(*) AS n, (SELECT max(spent) FROM visits) AS l FROM orders GROUP BY user_id"},
        {"a query with a column of the caller",
         "CREATE MACRO kind_of(p) AS (SELECT max(kind) FROM pages WHERE page = p)",
         "SELECT kind_of(page) AS kind, count(*) AS n FROM visits GROUP BY 1",
         "SELECT (SELECT max(kind) FROM pages WHERE page = visits.page) AS kind, count(*) AS n FROM visits GROUP BY 1"},
        {"a query in WHERE", "CREATE MACRO kind_of(p) AS (SELECT max(kind) FROM pages WHERE page = p)",
         "SELECT count(*) AS n FROM visits v WHERE kind_of(v.page) = 'group1'",
         "SELECT count(*) AS n FROM visits v WHERE (SELECT max(kind) FROM pages WHERE page = v.page) = 'group1'"},
        {"a query with a column that has its table",
         "CREATE MACRO kind_of(p) AS (SELECT max(kind) FROM pages WHERE page = p)",
         "SELECT v.user_id, max(kind_of(v.page)) AS kind FROM visits v JOIN orders o USING (id) GROUP BY ALL",
         "SELECT v.user_id, max((SELECT max(kind) FROM pages WHERE page = v.page)) AS kind FROM visits v JOIN orders o "
         "USING (id) GROUP BY ALL"},
        {"a WITH of the caller", "CREATE MACRO longest() AS (SELECT max(spent) FROM visits)",
         "WITH visits AS (SELECT id AS spent FROM orders) SELECT longest() AS l, count(*) AS n FROM visits",
         "WITH visits AS (SELECT id AS spent FROM orders) SELECT (SELECT max(spent) FROM visits) AS l, count(*) AS "
         "n FROM visits"},
        {"a table", "CREATE MACRO totals() AS TABLE SELECT user_id, sum(spent) AS s FROM visits GROUP BY user_id",
         "SELECT * FROM totals()", "SELECT * FROM (SELECT user_id, sum(spent) AS s FROM visits GROUP BY user_id)"},
        {"a macro in a table of a macro",
         "CREATE MACRO kind_of(p) AS (SELECT max(kind) FROM pages WHERE page = p); CREATE MACRO kinds() AS TABLE "
         "SELECT "
         "kind_of(page) AS kind, count(*) AS n FROM visits GROUP BY 1",
         "SELECT * FROM kinds() AS k",
         "SELECT * FROM (SELECT (SELECT max(kind) FROM pages WHERE page = visits.page) AS kind, count(*) AS n FROM "
         "visits GROUP BY 1) AS k"},
        {"a table with arguments",
         "CREATE MACRO top(n, least := 100) AS TABLE SELECT page, n AS n, count(*) AS c FROM visits WHERE spent > "
         "least GROUP BY page ORDER BY c DESC, page LIMIT n",
         "SELECT t.p, t.c FROM top(2 + 1, least := 50) AS t(p) WHERE t.n = 3",
         "SELECT t.p, t.c FROM (SELECT page, 2 + 1 AS n, count(*) AS c FROM visits WHERE spent > 50 GROUP BY page "
         "ORDER BY c DESC, page LIMIT 2 + 1) AS t(p) WHERE t.n = 3"},
        {"columns called like arguments", "CREATE MACRO pair(n) AS TABLE SELECT n, n + 1, count(*) FROM visits",
         "FROM pair(4)", "FROM (SELECT 4, 4 + 1, count(*) FROM visits)"},
        {"a table of rows", "CREATE MACRO good(least) AS TABLE SELECT * FROM visits WHERE ok AND spent >= least",
         "SELECT user_id, count(*) AS n FROM good(10) GROUP BY user_id",
         "SELECT user_id, count(*) AS n FROM (SELECT * FROM visits WHERE ok AND spent >= 10) GROUP BY user_id"},
        {"a table with WITH of the same name",
         "CREATE MACRO good() AS TABLE WITH v AS (SELECT * FROM visits WHERE ok) SELECT page, count(*) AS n FROM v "
         "GROUP BY page",
         "WITH v AS (SELECT * FROM orders) SELECT good.page, good.n, (SELECT count(*) FROM v) AS o FROM good() AS good",
         "WITH v AS (SELECT * FROM orders) SELECT good.page, good.n, (SELECT count(*) FROM v) AS o FROM (WITH v AS "
         "(SELECT * FROM visits WHERE ok) SELECT page, count(*) AS n FROM v GROUP BY page) AS good"},
    };
    for (const auto& each : cases) {
        SCOPED_TRACE(each.name);
        const auto written = written_out(each.macros, each.view);
        EXPECT_EQ(written.why_not, "");
        const auto found = splits(written.sql), expected = splits(each.written);
        EXPECT_EQ(found.finish, expected.finish);
        EXPECT_EQ(found.rows, expected.rows);
        ASSERT_EQ(found.states.size(), expected.states.size());
        for (std::size_t i = 0; i < found.states.size(); ++i) {
            EXPECT_EQ(found.states[i].name, expected.states[i].name);
            EXPECT_EQ(found.states[i].partial, expected.states[i].partial);
            EXPECT_EQ(found.states[i].merge, expected.states[i].merge);
        }
        EXPECT_EQ(found.touched.columns, expected.touched.columns);
        EXPECT_EQ(found.touched.sources, expected.touched.sources);
        EXPECT_EQ(found.touched.why_not, expected.touched.why_not);

        const auto whole = sorted(pieces.answer(each.view));
        EXPECT_FALSE(testing::is_error(whole)) << whole.front();
        EXPECT_EQ(sorted(pieces.answer(found.plain)), whole);
        for (const int cuts : {1, 2, 7})
            EXPECT_EQ(sorted(pieces.answer_in_pieces(found, cuts, random)), whole) << "seed " << seed;
        if (found.touched.why_not.empty()) {
            EXPECT_EQ(sorted(pieces.answer_refreshed(found, random)), whole) << "seed " << seed;
        }
        drop_macros();
    }
}

TEST_F(MacrosTest, stay_where_a_text_could_mean_something_else) {
    const struct {
        const char* name;
        const char* macros;
        const char* view;
        const char* why;
    } cases[] = {
        {"OVER", "CREATE MACRO total(x) AS sum(x)", "SELECT total(id) OVER (ORDER BY ts) FROM visits", "OVER"},
        {"FILTER", rate, "SELECT rate(spent) FILTER (WHERE ok) FROM visits", "FILTER"},
        {"DISTINCT", rate, "SELECT rate(DISTINCT spent) FROM visits", "DISTINCT"},
        {"ORDER BY", rate, "SELECT rate(spent ORDER BY id) FROM visits", "ORDER BY"},
        {"a method", rate, "SELECT spent.rate() FROM visits", "dot"},
        {"all columns", rate, "SELECT rate(COLUMNS('id|spent')) FROM visits", "*"},
        {"all columns beside it", rate, "SELECT rate(id) + sum(COLUMNS('id|spent')) FROM visits", "*"},
        {"too few", rate, "SELECT rate() FROM visits", "parameters"},
        {"too many", rate, "SELECT rate(id, spent) FROM visits", "parameters"},
        {"a name that is none", rate, "SELECT rate(y := spent) FROM visits", "parameters"},
        {"by type", "CREATE MACRO most(x INTEGER) AS sum(x), (x VARCHAR) AS max(x)",
         "SELECT most(spent), most(page) FROM visits", "types"},
        {"a field", "CREATE MACRO parts(p) AS sum(p.a)", "SELECT parts(part) FROM visits", "part of its parameter p"},
        {"a lambda's own parameter",
         "CREATE MACRO longer(x) AS list_sum(list_transform([1, 2], lambda x: x + 1)) + sum(x)",
         "SELECT longer(spent) FROM visits", "lambda"},
        {"a lambda's parameter that is called like the column",
         "CREATE MACRO spread(x, step) AS list_sum(list_transform(x, lambda id: id * step)) + count(*)",
         "SELECT id, spread(numbers, id) AS s FROM visits GROUP BY id, numbers", "something else"},
        {"the same table inside", "CREATE MACRO above(s) AS (SELECT count(*) FROM visits WHERE visits.spent > s)",
         "SELECT id, above(spent) FROM visits", "visits is a name inside the macro, too"},
        {"a column of two tables", "CREATE MACRO kind_of(p) AS (SELECT max(kind) FROM pages WHERE page = p)",
         "SELECT kind_of(page) FROM visits JOIN orders USING (id)", "column page"},
        {"a name that the order may take from the list",
         "CREATE MACRO kind_of(p) AS (SELECT max(kind) FROM pages WHERE page = p)",
         "SELECT id, 'p1' AS page FROM visits ORDER BY kind_of(page)", "column page"},
        {"a column in WHERE, which is the macro's own",
         "CREATE MACRO kind_of(p) AS (SELECT max(kind) FROM pages WHERE page = p)",
         "SELECT count(*) FROM visits WHERE kind_of(page) = 'group1'", "column page"},
        {"a column in GROUP BY", "CREATE MACRO kind_of(p) AS (SELECT max(kind) FROM pages WHERE page = p)",
         "SELECT kind_of(page) AS kind, count(*) AS n FROM visits GROUP BY kind_of(page)", "column page"},
        {"a column in ON", "CREATE MACRO kind_of(p) AS (SELECT max(kind) FROM pages WHERE page = p)",
         "SELECT count(*) FROM visits JOIN orders USING (id) JOIN pages k ON k.kind = kind_of(amount::VARCHAR)",
         "column amount"},
        {"a query as an argument", "CREATE MACRO kind_of(p) AS (SELECT max(kind) FROM pages WHERE page = p)",
         "SELECT kind_of((SELECT max(page) FROM visits)), count(*) FROM visits", "inside a query"},
        {"a table's argument is a column", "CREATE MACRO above(s) AS TABLE SELECT id FROM orders WHERE amount > s",
         "SELECT v.id, a.id FROM visits v, above(v.spent) a", "column spent"},
        {"a lambda of the caller", "CREATE MACRO pages_of(p) AS (SELECT count(*) FROM pages WHERE page > p)",
         "SELECT list_transform(['a'], lambda page: pages_of(page)) FROM visits", "column page"},
    };
    for (const auto& each : cases) {
        SCOPED_TRACE(each.name);
        const auto written = written_out(each.macros, each.view);
        EXPECT_EQ(written.sql, each.view);
        EXPECT_THAT(written.why_not, HasSubstr(each.why));
        EXPECT_THAT(written.why_not, HasSubstr("it calls the macro "));
        drop_macros();
    }
}

TEST_F(MacrosTest, of_one_row_stay_calls) {
    const std::string sql = "SELECT half(sum(spent)) FROM visits";
    const auto written = written_out("CREATE MACRO half(x) AS x / 2; CREATE MACRO total(x) AS sum(x)", sql);
    EXPECT_EQ(written.sql, sql);
    EXPECT_EQ(written.why_not, "");
}

TEST_F(MacrosTest, that_grow_without_end_stay) {
    std::string script = "CREATE MACRO m0(x) AS sum(x)";
    for (int i = 1; i <= 12; ++i) script += fmt::format("; CREATE MACRO m{0}(x) AS m{1}(x) + m{1}(x)", i, i - 1);
    EXPECT_THAT(written_out(script, "SELECT m12(spent) FROM visits").why_not, HasSubstr("1000"));
}

}  // namespace
}  // namespace weir::view

#include "view/split/split.h"

#include <gtest/gtest.h>

#include "view/split/testing.h"

namespace weir::view {
namespace {

using testing::Pieces;

class Splits : public ::testing::Test {
protected:
    Splits() {
        pieces.add_events("visits", R"(SELECT i AS id, (TIMESTAMP '2024-03-01' + to_seconds(i * 7919 % 900000)) AS ts,
            'u' || (hash(i, 1) % 13) AS user_id, CASE WHEN hash(i, 2) % 9 > 0 THEN 'p' || (hash(i, 3) % 5) END AS page,
            (hash(i, 4) % 1000)::INTEGER AS seconds, CASE WHEN hash(i, 5) % 6 > 0 THEN (hash(i, 6) % 100000) / 1e3 END AS score,
            ((hash(i, 7) % 100000) / 100)::DECIMAL(10, 2) AS price, hash(i, 8) % 3 = 0 AS ok,
            ['a', 'b', 'c'][1 : (hash(i, 9) % 4)::INT] AS tags FROM range(400) r(i))");
        pieces.add_events("orders", R"(SELECT i AS id, 'u' || (hash(i, 11) % 17) AS user_id,
            (TIMESTAMP '2024-03-01' + to_seconds(i * 6271 % 900000)) AS ts, (hash(i, 12) % 50)::BIGINT AS amount
            FROM range(150) r(i))");
        pieces.add_reference("pages", "SELECT 'p' || i AS page, 'group' || (i % 2) AS kind FROM range(4) r(i)");
    }

    Split splits(const std::string& sql) {
        auto result = split(pieces.connection(), pieces.input(sql));
        EXPECT_TRUE(bool(result)) << sql << "\n" << (result ? "" : result.error().message);
        return result ? std::move(*result) : Split{};
    }

    // Any cut and order of merging gives the answer of the whole query; `exactly`: also in its order and to the bit
    // of the query as written.
    void agrees(const std::string& sql, bool as_written = true) {
        const auto found = splits(sql);
        const auto sorted = [](std::vector<std::string> lines) {
            std::sort(lines.begin(), lines.end());
            return lines;
        };
        const auto plain = pieces.answer(found.plain);
        ASSERT_FALSE(!plain.empty() && plain.front().starts_with("error")) << found.plain << "\n" << plain.front();
        if (as_written) {
            EXPECT_EQ(sorted(plain), sorted(pieces.answer(sql))) << sql << "\n" << found.plain;
        }
        const auto order = sql.rfind("ORDER BY");
        const bool ordered = order != std::string::npos && sql.find(')', order) == std::string::npos;
        for (const int cuts : {1, 2, 7}) {
            const auto merged = pieces.answer_in_pieces(found, cuts, random);
            EXPECT_EQ(ordered ? merged : sorted(merged), ordered ? plain : sorted(plain))
                << sql << "\nseed " << seed << ", " << cuts << " pieces\nfinish: " << found.finish;
            if (HasFailure()) return;
        }
        if (found.append_only) {
            EXPECT_EQ(sorted(pieces.answer_appended(found, random)), sorted(plain)) << sql << "\nseed " << seed;
        }
        if (found.touched.why_not.empty()) {
            const auto refreshed = pieces.answer_refreshed(found, random);
            EXPECT_EQ(ordered ? refreshed : sorted(refreshed), ordered ? plain : sorted(plain))
                << sql << "\nseed " << seed << "\nfinish: " << found.finish;
        }
    }

    Pieces pieces;
    std::uint64_t seed = std::random_device{}();
    std::mt19937_64 random{seed};
};

struct Case {
    const char* name;
    const char* sql;
    const char* states;      // kinds, in order
    bool rows = false;       // finish reads events row by row
    bool as_written = true;  // DuckDB's own answer is the same to the bit
};

// New events only add rows to these answers.
TEST_F(Splits, know_which_answers_only_grow) {
    for (const auto* sql : {
             "SELECT * FROM visits",
             "SELECT id, score * 2 AS twice FROM visits WHERE ok AND page IS NOT NULL",
             "WITH good AS (SELECT * FROM visits WHERE ok) SELECT user_id, ts::DATE AS day FROM good",
             "SELECT id, user_id FROM visits UNION ALL SELECT id, user_id FROM orders",
             "SELECT v.id, p.kind FROM visits v JOIN pages p USING (page)",
             "SELECT v.id, p.kind FROM visits v LEFT JOIN pages p USING (page)",
             "SELECT id, unnest(tags) AS tag FROM visits",
             "SELECT id, (SELECT max(kind) FROM pages) AS kind FROM visits",
             "SELECT id FROM visits WHERE page IN (SELECT page FROM pages)",
         }) {
        EXPECT_TRUE(splits(sql).append_only) << sql;
        agrees(sql);
    }
    for (const auto* sql : {
             "SELECT id, score FROM visits ORDER BY id",
             "SELECT id, user_id FROM visits UNION ALL SELECT id, user_id FROM orders ORDER BY id",
             "SELECT DISTINCT page FROM visits",
             "SELECT id FROM visits ORDER BY id LIMIT 3",
             "SELECT count(*) AS n FROM visits",
             "SELECT id, row_number() OVER (ORDER BY id) AS n FROM visits",
             "SELECT v.id, o.amount FROM visits v JOIN orders o USING (user_id)",
             "SELECT v.id, p.kind FROM visits v RIGHT JOIN pages p USING (page)",
             "SELECT id FROM visits UNION ALL SELECT 1 AS id FROM pages",
             "SELECT id FROM visits UNION SELECT id FROM orders",
             "SELECT id FROM visits WHERE id > (SELECT avg(id) FROM orders)",
             "SELECT id FROM visits WHERE user_id NOT IN (SELECT user_id FROM orders)",
             "SELECT kind FROM pages",
         })
        EXPECT_FALSE(splits(sql).append_only) << sql;
}

TEST_F(Splits, give_the_answer_of_the_whole_query) {
    const Case cases[] = {
        {"counts", "SELECT user_id, count(*), count(page) AS pages FROM visits GROUP BY user_id", "sums"},
        {"no keys", "SELECT count(*) AS n, min(ts), max(seconds), sum(seconds) FROM visits", "sums"},
        {"no rows", "SELECT count(*) AS n, sum(seconds), avg(seconds) FROM visits WHERE id < 0", "sums"},
        {"positions", "SELECT ts::date AS day, extract(hour FROM ts)::INT AS hour, count(*) FROM visits GROUP BY 1, 2",
         "sums"},
        {"all", "SELECT ts::date AS day, page, sum(price) FROM visits GROUP BY ALL ORDER BY day, page", "sums"},
        {"alias", "SELECT ts::date AS day, count(*) AS n FROM visits GROUP BY day HAVING count(*) > 20 ORDER BY n DESC",
         "sums"},
        {"having alias", "SELECT ts::date AS day, count(*) AS n FROM visits GROUP BY day HAVING n > 20", "sums"},
        {"null keys", "SELECT page, count(*) FROM visits GROUP BY page", "sums"},
        {"filters",
         "SELECT user_id, count(*) FILTER (WHERE ok) AS good, sum(seconds) FILTER (WHERE page = 'p1') FROM visits "
         "GROUP BY 1",
         "sums"},
        {"averages", "SELECT page, avg(seconds) AS a, avg(price) AS p, avg(id) FROM visits GROUP BY 1", "sums"},
        {"floats", "SELECT page, sum(score) AS s, avg(score) AS a FROM visits GROUP BY 1", "sums", false, false},
        {"floats that are all NULL",
         "SELECT user_id, sum(CASE WHEN id < 0 THEN score END) AS s, avg(CASE WHEN id < 0 THEN score END) AS a FROM "
         "visits GROUP BY 1",
         "sums"},
        {"spread",
         "SELECT page, stddev(score) AS s, var_pop(seconds) AS v, corr(score, seconds) AS c, regr_slope(score, "
         "seconds) AS r FROM visits GROUP BY 1",
         "sums", false, false},
        {"bits",
         "SELECT page, bool_and(ok), bool_or(ok), bit_and(seconds), bit_or(seconds), bit_xor(seconds) FROM visits "
         "GROUP BY 1",
         "sums"},
        {"arg", "SELECT user_id, arg_max(page, ts) AS last_page, min_by(seconds, ts) FROM visits GROUP BY 1", "sums"},
        {"expressions",
         "SELECT upper(user_id) || '!' AS u, 100.0 * count(*) FILTER (WHERE ok) / count(*) AS share FROM visits GROUP "
         "BY user_id",
         "sums"},
        {"expression keys",
         "SELECT date_trunc('day', ts) AS d, date_trunc('day', ts) + INTERVAL 1 DAY AS next, count(*) FROM visits "
         "GROUP BY date_trunc('day', ts)",
         "sums"},
        {"distinct counts",
         "SELECT ts::date AS day, count(DISTINCT user_id) AS users, count(*) AS n, min(ts) FROM visits GROUP BY 1",
         "values"},
        {"two distinct counts",
         "SELECT ts::date AS day, count(DISTINCT user_id) AS users, count(DISTINCT page) AS pages, sum(seconds) FROM "
         "visits GROUP BY 1",
         "values values"},
        {"filtered distinct",
         "SELECT page, count(DISTINCT user_id) FILTER (WHERE ok) AS users, count(DISTINCT user_id) AS every, count(*) "
         "FROM visits GROUP BY 1",
         "values values"},
        {"distinct sums", "SELECT page, sum(DISTINCT seconds) AS s, avg(DISTINCT seconds) AS a FROM visits GROUP BY 1",
         "values"},
        {"quantiles",
         "SELECT page, median(seconds) AS m, quantile_cont(price, 0.9) AS q, mode(user_id) FILTER (WHERE ok) AS f FROM "
         "visits GROUP BY 1",
         "sums values values values", false, false},
        {"lists",
         "SELECT page, list(user_id ORDER BY ts DESC, id) AS users, string_agg(DISTINCT user_id, ',' ORDER BY user_id) "
         "AS names, count(*) FROM visits GROUP BY 1",
         "sums values values"},
        {"lists with nulls", "SELECT user_id, list(page ORDER BY id) AS pages FROM visits GROUP BY 1", "sums values"},
        {"unordered list", "SELECT user_id, list(seconds) AS l, string_agg(page, '-') AS p FROM visits GROUP BY 1",
         "sums values values", false, false},
        {"sketches",
         "SELECT page, approx_count_distinct(user_id) AS u, approx_quantile(score, 0.9) AS q, approx_quantile(seconds, "
         "[0.5, 1]) FILTER (WHERE ok) AS l, count(*) AS n FROM visits GROUP BY 1",
         "sketch", false, false},
        {"sketches beside exact distinct counts",
         "SELECT page, approx_count_distinct(tags) AS t, count(DISTINCT user_id) AS u, sum(seconds) AS s FROM visits "
         "GROUP BY 1",
         "sketch values", false, false},
        {"sketches of nothing",
         "SELECT approx_count_distinct(user_id) AS u, approx_quantile(score, 0.5) AS q FROM visits WHERE id < 0",
         "sketch"},
        {"approximate times", "SELECT page, approx_quantile(ts, 0.5) AS q FROM visits GROUP BY 1", "sums values", false,
         false},
        {"histogram", "SELECT histogram(page) AS h FROM visits", "values"},
        {"distinct", "SELECT DISTINCT user_id, page FROM visits", "sums"},
        {"distinct on", "SELECT DISTINCT ON (user_id) user_id, page, ts FROM visits ORDER BY user_id, ts DESC",
         "first"},
        {"distinct on expression",
         "SELECT DISTINCT ON (ts::date) ts::date AS day, user_id || '?' AS who FROM visits WHERE ok ORDER BY ts::date, "
         "seconds DESC, id",
         "first"},
        {"top", "SELECT user_id, sum(seconds) AS s FROM visits GROUP BY 1 ORDER BY s DESC LIMIT 3", "sums"},
        {"rollup", "SELECT page, ok, count(*) AS n, grouping(page) AS g FROM visits GROUP BY ROLLUP (page, ok)",
         "sums"},
        {"rollup distinct", "SELECT page, ok, count(DISTINCT user_id) AS n FROM visits GROUP BY CUBE (page, ok)",
         "values"},
        {"window above",
         "SELECT ts::date AS day, count(*) AS n, sum(count(*)) OVER (ORDER BY ts::date) AS running FROM visits GROUP "
         "BY 1",
         "sums"},
        {"qualify",
         "SELECT user_id, page, count(*) AS n FROM visits GROUP BY 1, 2 QUALIFY row_number() OVER (PARTITION BY "
         "user_id ORDER BY count(*) DESC, page) = 1",
         "sums"},
        {"subquery", "SELECT day, n / 2 FROM (SELECT ts::date AS day, count(*) AS n FROM visits GROUP BY 1)", "sums"},
        {"of aggregates", "SELECT avg(n) AS a, max(n) FROM (SELECT user_id, count(*) AS n FROM visits GROUP BY 1)",
         "sums"},
        {"with",
         "WITH good AS (SELECT * FROM visits WHERE ok), n AS (SELECT user_id, count(*) AS n FROM good GROUP BY 1) "
         "SELECT * FROM n WHERE n > 5",
         "sums"},
        {"joined aggregates",
         "WITH v AS (SELECT user_id, count(*) AS n FROM visits GROUP BY 1), o AS (SELECT user_id, sum(amount) AS s "
         "FROM orders GROUP BY 1) SELECT user_id, coalesce(v.n, 0) AS n, o.s FROM v FULL JOIN o USING (user_id)",
         "sums sums"},
        {"union all",
         "SELECT user_id, count(*) AS n, max(ts) FROM (SELECT user_id, ts FROM visits UNION ALL SELECT user_id, ts "
         "FROM orders) x GROUP BY 1",
         "sums"},
        {"union", "SELECT user_id FROM visits WHERE ok UNION SELECT user_id FROM orders ORDER BY 1", "sums"},
        {"reference",
         "SELECT kind, count(*) AS n, count(DISTINCT v.user_id) AS u FROM visits v LEFT JOIN pages p ON p.page = "
         "v.page GROUP BY 1",
         "values"},
        {"reference using", "SELECT kind, count(*) AS n FROM visits JOIN pages USING (page) GROUP BY kind", "sums"},
        {"unnest",
         "SELECT tag, count(*) AS n, count(DISTINCT user_id) AS u FROM visits v, unnest(v.tags) t(tag) GROUP BY 1",
         "values"},
        {"lateral",
         "SELECT f.tag, count(*) AS n FROM visits v CROSS JOIN LATERAL (SELECT DISTINCT x AS tag FROM unnest(v.tags) "
         "AS u(x)) f WHERE v.ok GROUP BY 1",
         "sums"},
        {"self join",
         "SELECT a.user_id, count(*) AS n FROM visits a JOIN orders b ON a.user_id = b.user_id AND b.ts > a.ts GROUP "
         "BY 1",
         "", true},
        {"window over events",
         "SELECT user_id, ts - lag(ts) OVER (PARTITION BY user_id ORDER BY ts, id) AS gap FROM visits", "", true},
        {"exists",
         "SELECT user_id, count(*) AS n FROM visits v WHERE EXISTS (SELECT 1 FROM orders o WHERE o.user_id = "
         "v.user_id) GROUP BY 1",
         "", true},
        {"aggregate and rows",
         "WITH first AS (SELECT user_id, min(ts) AS t FROM visits GROUP BY 1) SELECT f.user_id, count(*) AS n FROM "
         "first f JOIN orders o ON o.user_id = f.user_id AND o.ts >= f.t GROUP BY 1",
         "sums", true},
        {"scalar", "SELECT user_id, count(*) AS n, (SELECT max(amount) FROM orders) AS top FROM visits GROUP BY 1",
         "sums sums"},
        {"correlated",
         "SELECT v.user_id, count(*) AS n, (SELECT count(*) FROM orders o WHERE o.user_id = v.user_id AND o.amount > "
         "10) AS orders FROM visits v GROUP BY 1",
         "sums sums"},
        {"correlated range",
         "WITH d AS (SELECT ts::date AS day FROM visits GROUP BY 1) SELECT day, (SELECT sum(amount) FROM orders o "
         "WHERE o.ts::date <= d.day) AS until_then FROM d",
         "sums sums"},
        {"star over aggregates",
         "SELECT * FROM (SELECT page, count(*) AS n FROM visits GROUP BY 1) ORDER BY n DESC, page", "sums"},
        {"star beside", "SELECT *, count(*) OVER () AS n FROM visits", "", true},
        {"alias that hides a grouped column in a window",
         "SELECT user_id AS page, ok, count(*) AS n, lag(user_id) OVER (ORDER BY count(*)) AS before FROM visits "
         "GROUP BY user_id, page, ok",
         "sums", false, false},
        {"distinct pairs with a constant", "SELECT page, regr_avgy(DISTINCT score, -1) AS a FROM visits GROUP BY page",
         "sums values", false, false},
        {"lists in the order of their window",
         "SELECT id, list(page) OVER (PARTITION BY user_id ORDER BY id DESC) AS l, string_agg(page, '>') OVER "
         "(PARTITION BY user_id ORDER BY id) AS s, first(page) OVER (PARTITION BY user_id ORDER BY id) AS f, "
         "last(page) OVER (PARTITION BY user_id ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS e FROM visits",
         "", true},
        {"lists in the order of their window, with ties",
         "SELECT id, list(id) OVER (PARTITION BY user_id ORDER BY ts::date) AS l, list(DISTINCT page) OVER (PARTITION "
         "BY ts::date ORDER BY user_id) AS d FROM visits",
         "", true, false},
        {"rows without names as values",
         "SELECT user_id, count(DISTINCT (page, ok)) AS n, max((seconds, page))::VARCHAR AS m FROM visits GROUP BY 1",
         "", true},
        {"rows with names as values",
         "SELECT user_id, count(DISTINCT struct_pack(p := page, o := ok)) AS n FROM visits GROUP BY 1", "values"},
        {"rows without names as keys", "SELECT max(seconds) AS m FROM visits GROUP BY (page, ok)", "sums"},
        {"columns beside functions of the time",
         "SELECT page AS current_date, count(*) AS n FROM visits GROUP BY current_date", "sums"},
        {"star below a window with ties",
         "WITH m AS (SELECT *, seconds > 500 AS long FROM visits), n AS (SELECT *, row_number() OVER (PARTITION BY "
         "page ORDER BY ts::date) AS place FROM m) SELECT user_id, place, long FROM n WHERE ok",
         "", true, false},
        {"star below a window, all of it given",
         "SELECT * FROM (SELECT *, row_number() OVER (ORDER BY page) AS place FROM visits) WHERE place < 40", "", true,
         false},
        {"star that decides by position",
         "SELECT user_id, place FROM (SELECT *, row_number() OVER (ORDER BY page) AS place FROM visits ORDER BY place "
         "LIMIT 50) WHERE ok",
         "", true, false},
        {"star under distinct",
         "SELECT user_id, place FROM (SELECT DISTINCT *, row_number() OVER (ORDER BY page) % 3 AS place FROM visits)",
         "", true, false},
        {"a name of WITH that hides its table",
         "WITH visits AS (SELECT * FROM visits WHERE ok), n AS (SELECT user_id, count(visits.id) AS n FROM visits "
         "GROUP BY 1) SELECT * FROM n",
         "sums"},
        {"names of WITH that hide each other",
         "WITH v AS (SELECT * FROM visits WHERE ok), n AS (WITH V AS (SELECT v.*, 1 AS one FROM v) SELECT user_id, "
         "sum(one) AS n FROM V GROUP BY 1), m AS (SELECT user_id, count(*) AS all FROM v GROUP BY 1) SELECT * FROM n "
         "JOIN m USING (user_id)",
         "sums sums"},
        {"recursion beside aggregates",
         "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 4), v AS (SELECT user_id, "
         "count(*) "
         "AS c FROM visits GROUP BY 1) SELECT user_id, n, c FROM r, v WHERE c > n * 8",
         "sums"},
        {"recursion over events",
         "WITH RECURSIVE visits AS (SELECT id, user_id FROM visits WHERE id = 7 UNION ALL SELECT o.id, o.user_id FROM "
         "orders o, visits WHERE o.user_id = visits.user_id AND o.id = visits.id * 2) SELECT * FROM visits",
         "", true},
        {"pivot beside aggregates",
         "SELECT user_id, n, p.* EXCLUDE (who) FROM (SELECT user_id, count(*) AS n FROM visits GROUP BY 1) JOIN (FROM "
         "(PIVOT orders ON (amount % 2) IN (0, 1) USING count(*) GROUP BY user_id) x(who, even, odd)) p ON p.who = "
         "user_id",
         "sums sums"},
        {"pivot of what shows the order",
         "SELECT * FROM (SELECT page, ok, user_id FROM visits) PIVOT (first(user_id) FOR ok IN (true, false))",
         "sums values values", false, false},
        {"pivot of floats",
         "SELECT * FROM visits PIVOT (sum(score) AS s, avg(score), count(*) FOR page IN ('p1', 'p2', NULL) GROUP BY "
         "user_id, ok) ORDER BY user_id, ok",
         "sums", false, false},
        {"pivot by two values, with names of its own",
         "SELECT p.who, p.a + p.d AS n FROM visits PIVOT (coalesce(sum(seconds), 0) FOR page IN ('p1', 'p2') ok IN "
         "(true, false) GROUP BY user_id) p(who, a, b, c, d)",
         "sums"},
        {"pivot by pairs and without groups",
         "SELECT * FROM (SELECT page, ok, price FROM visits) PIVOT (max(price) AS most, count(*) AS n FOR (page, ok) "
         "IN (('p1', true), ('p9', false)))",
         "sums"},
        {"pivot of a name of WITH",
         "WITH v AS (SELECT user_id, page, last(id) AS l FROM visits GROUP BY ALL) SELECT * FROM (PIVOT v ON page IN "
         "('p1', 'p2') USING last(l) GROUP BY user_id ORDER BY user_id LIMIT 5)",
         "sums values", false, false},
        {"unpivot",
         "SELECT user_id, name, sum(value) AS s FROM (SELECT user_id, seconds, id FROM visits) UNPIVOT (value FOR name "
         "IN (seconds, id)) GROUP BY ALL",
         "", true},
        {"as-of join with ties",
         "SELECT v.id, o.id AS order_id, o.amount FROM visits v ASOF JOIN orders o ON v.user_id = o.user_id AND "
         "v.ts::date >= o.ts::date",
         "", true, false},
        {"as-of join that keeps rows, by unqualified names",
         "WITH o AS (SELECT user_id AS who, ts::date AS day, id AS order_id FROM orders) SELECT user_id, "
         "count(order_id) AS n, sum(order_id) AS s FROM visits ASOF LEFT JOIN o ON day < ts AND who = user_id GROUP BY "
         "user_id",
         "", true, false},
        {"as-of join by columns that agree",
         "SELECT day, user_id, v.id, o.id AS order_id FROM (SELECT *, ts::date AS day FROM visits) v ASOF LEFT JOIN "
         "(SELECT * EXCLUDE (ts), ts::date AS day FROM orders) o USING (user_id, day)",
         "", true, false},
        {"as-of join of all columns, with conditions on one side",
         "SELECT * EXCLUDE (tags) FROM visits v ASOF LEFT JOIN orders o ON v.ts::date >= o.ts::date AND o.amount % 3 = "
         "0 AND v.ok",
         "", true, false},
        {"as-of join without names",
         "SELECT page, max(amount) AS m, count(*) AS n FROM visits ASOF JOIN (SELECT amount, ts::date AS day FROM "
         "orders) ON ts >= day GROUP BY page",
         "", true, false},
        {"as-of joins one after the other",
         "SELECT v.id, a.id AS a, b.id AS b FROM visits v ASOF LEFT JOIN orders a ON v.ts::date >= a.ts::date ASOF "
         "LEFT "
         "JOIN visits b ON a.amount >= b.seconds AND b.user_id IS NOT DISTINCT FROM v.user_id",
         "", true, false},
        {"as-of join that only asks",
         "SELECT id FROM visits v ASOF SEMI JOIN orders o ON v.user_id = o.user_id AND v.ts::date >= o.ts::date", "",
         true},
        {"a window over rows without a name",
         "SELECT id, place FROM (SELECT DISTINCT *, row_number() OVER (ORDER BY page) AS place FROM (SELECT page, id "
         "FROM visits))",
         "", true, false},
        {"select without from", "SELECT 1 AS one", ""},
        {"only reference", "SELECT kind, count(*) AS n FROM pages GROUP BY 1", ""},
        {"quoted names", R"(SELECT "user_id" AS "the user", count(*) AS "n of" FROM "visits" GROUP BY "user_id")",
         "sums"},
        {"qualified", "SELECT v.user_id, count(v.page) AS n FROM visits AS v WHERE v.ok GROUP BY user_id", "sums"},
        {"dates of keys",
         "SELECT strftime(ts, '%Y-%m') AS month, count(*) AS n FROM visits GROUP BY month ORDER BY month", "sums"},
        {"case",
         "SELECT CASE WHEN seconds < 100 THEN 'short' WHEN seconds < 500 THEN 'middle' ELSE 'long' END AS length, "
         "count(*) AS n FROM visits GROUP BY ALL",
         "sums"},
        {"distinct values of a query",
         "SELECT user_id, string_agg(DISTINCT (SELECT max(kind) FROM pages p WHERE p.page = v.page), ',') AS kinds, "
         "list(DISTINCT (SELECT max(kind) FROM pages p WHERE p.page = v.page)) FILTER (WHERE ok) AS l, "
         "arg_max(DISTINCT (SELECT max(kind) FROM pages p WHERE p.page = v.page), id) AS last, "
         "approx_top_k(DISTINCT (SELECT max(kind) FROM pages p WHERE p.page = v.page), 3) FILTER (WHERE ok) AS top, "
         "count(DISTINCT (SELECT max(kind) FROM pages p WHERE p.page = v.page)) AS n FROM visits v GROUP BY user_id",
         "", true, false},
        {"entropy of no value",
         "SELECT user_id, entropy(DISTINCT (SELECT max(kind) FROM pages p WHERE p.page = v.page)) FILTER (WHERE id < "
         "0) AS e "
         "FROM visits v GROUP BY user_id",
         "", true},
        {"in list", "SELECT page IN ('p1', 'p2') AS some, count(*) AS n FROM visits GROUP BY 1", "sums"},
        {"coalesced",
         "SELECT coalesce(page, 'none') AS page, count(*) AS n FROM visits GROUP BY coalesce(page, 'none')", "sums"},
    };
    for (const auto& each : cases) {
        SCOPED_TRACE(each.name);
        const auto found = splits(each.sql);
        std::string kinds;
        for (const auto& state : found.states) kinds += (kinds.empty() ? "" : " ") + std::string(to_string(state.kind));
        EXPECT_EQ(kinds, each.states) << each.sql << "\n" << ::testing::PrintToString(found.row_by_row);
        EXPECT_EQ(!found.rows.empty(), each.rows) << found.finish;
        agrees(each.sql, each.as_written);
        if (HasFailure()) break;
    }
}

// NULL matches nothing, ties are broken by all columns, and where nothing ties the answer is DuckDB's.
TEST_F(Splits, take_the_first_of_rows_that_are_equally_near) {
    pieces.add_events("asked",
                      "SELECT * FROM (VALUES (1, 'x', 5), (2, 'y', 2), (3, NULL, 9), (4, 'x', NULL)) t(id, k, m)");
    pieces.add_events("told",
                      "SELECT * FROM (VALUES ('x', 4, 'b'), ('x', 4, 'a'), ('x', 3, '0'), (NULL, 1, 'c'), ('y', NULL, "
                      "'d'), ('X', 5, 'e')) t(k, m, v)");
    const auto answers = [&](const std::string& sql) { return pieces.answer(splits(sql).plain); };
    EXPECT_EQ(answers("SELECT id, v FROM asked a ASOF LEFT JOIN told b ON a.k = b.k AND a.m >= b.m ORDER BY id"),
              (std::vector<std::string>{R"({"id":1,"v":"a"})", R"({"id":2,"v":null})", R"({"id":3,"v":null})",
                                        R"({"id":4,"v":null})"}));
    EXPECT_EQ(answers("SELECT id, v FROM asked ASOF JOIN told USING (k, m)"),
              (std::vector<std::string>{R"({"id":1,"v":"a"})"}));
    EXPECT_EQ(answers("SELECT id, v FROM asked a ASOF JOIN told b ON a.k = b.k COLLATE NOCASE AND a.m >= b.m"),
              (std::vector<std::string>{R"({"id":1,"v":"e"})"}));
    EXPECT_EQ(answers("SELECT id, v FROM asked a ASOF JOIN told b ON a.k = b.k AND b.v > 'a' AND a.m >= b.m"),
              (std::vector<std::string>{R"({"id":1,"v":"b"})"}));
}

TEST_F(Splits, refuse_as_of_joins_whose_row_nobody_chooses) {
    for (const auto* sql : {
             "SELECT v.id FROM visits v ASOF FULL JOIN orders o ON v.ts >= o.ts",
             "SELECT v.id FROM visits v ASOF JOIN (orders o JOIN visits w USING (user_id)) ON v.ts >= o.ts",
             "SELECT v.id FROM visits v ASOF JOIN orders o ON v.ts >= o.ts AND v.user_id <> o.user_id",
             "SELECT v.id FROM visits v ASOF JOIN orders o ON v.ts >= o.ts AND v.seconds + o.amount > 10",
         }) {
        const auto refused = split(pieces.connection(), pieces.input(sql));
        ASSERT_FALSE(bool(refused)) << sql;
        EXPECT_EQ(refused.error().code, ErrorCode::sql_invalid) << sql;
        EXPECT_FALSE(refused.error().hint.empty()) << sql;
    }
}

// Sums in whichever order would be 0, 1 or 2.
TEST_F(Splits, add_exactly_in_a_pivot) {
    pieces.add_events("wild", "SELECT unnest([1e16, 1, -1e16, 1]) AS x, 'a' AS k");
    EXPECT_EQ(pieces.answer(splits("SELECT * FROM wild PIVOT (sum(x) FOR k IN ('a', 'b'))").plain),
              (std::vector<std::string>{R"({"a":2.0,"b":null})"}));
}

}  // namespace
}  // namespace weir::view

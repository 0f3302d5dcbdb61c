// Random SELECTs over the tables of RandomTables: a grammar of what the split supports, and of what it must notice.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace weir::view::testing {

// e and f grow, r is a reference table, nothing has no rows yet. Types by letter: i INTEGER, b BIGINT, h HUGEINT,
// d DECIMAL(10, 2), x DOUBLE of ordinary size, w DOUBLE of any, t TIMESTAMP, a DATE, s VARCHAR, o BOOLEAN, l VARCHAR[],
// m INTEGER[], r what is only shown.
struct RandomTables {
    static constexpr std::string_view e = R"(SELECT n::INTEGER AS id,
        CASE WHEN hash(n, 1) % 7 > 0 THEN 'k' || (hash(n, 2) % 4) END AS k,
        CASE WHEN hash(n, 3) % 9 > 0 THEN (hash(n, 4) % 3)::INTEGER END AS j,
        CASE WHEN hash(n, 5) % 6 > 0 THEN (hash(n, 6) % 41)::INTEGER - 20 END AS i,
        CASE WHEN hash(n, 7) % 6 > 0 THEN (hash(n, 8)::HUGEINT - 9223372036854775808)::BIGINT END AS b,
        CASE WHEN hash(n, 9) % 5 > 0 THEN (hash(n, 10)::HUGEINT - 9223372036854775808) * 1000000000000000 END AS h,
        CASE WHEN hash(n, 11) % 6 > 0 THEN ((hash(n, 12) % 2000001)::INTEGER - 1000000)::DECIMAL(10, 2) / 100 END::DECIMAL(10, 2) AS d,
        CASE WHEN hash(n, 13) % 6 > 0 THEN (hash(n, 14) % 2000)::DOUBLE / 7 + 1 END AS x,
        CASE hash(n, 15) % 8 WHEN 0 THEN NULL WHEN 1 THEN 1e300 WHEN 2 THEN -1e300 WHEN 3 THEN 1e-300 WHEN 4 THEN -0.0
            WHEN 5 THEN CASE hash(n, 16) % 5 WHEN 0 THEN 'NaN'::DOUBLE WHEN 1 THEN 'inf'::DOUBLE WHEN 2 THEN '-inf'::DOUBLE ELSE 0 END
            ELSE (hash(n, 17) % 100000)::DOUBLE / 1e3 END AS w,
        CASE WHEN hash(n, 18) % 9 > 0 THEN TIMESTAMP '1969-12-31 12:00:00' + to_seconds((hash(n, 19) % 60)::BIGINT * 3599) END AS t,
        CASE WHEN hash(n, 20) % 9 > 0 THEN DATE '2024-02-27' + (hash(n, 21) % 5)::INTEGER END AS a,
        CASE WHEN hash(n, 22) % 6 > 0 THEN ['', 'ä', 'Zebra', 'a,b', 'it''s', '10'][1 + (hash(n, 23) % 6)::INTEGER] END AS s,
        CASE WHEN hash(n, 24) % 5 > 0 THEN hash(n, 25) % 3 = 0 END AS o,
        CASE WHEN hash(n, 26) % 6 > 0 THEN ['p', 'q', NULL, 'p'][1 : (hash(n, 27) % 5)::INTEGER] END AS l,
        CASE WHEN hash(n, 28) % 6 > 0 THEN [1, 5, 2, NULL][1 : (hash(n, 29) % 5)::INTEGER] END AS m
        FROM range(70) q(n))";
    static constexpr std::string_view f = R"(SELECT n::INTEGER AS id,
        CASE WHEN hash(n, 31) % 7 > 0 THEN 'k' || (hash(n, 32) % 6) END AS k, (hash(n, 33) % 4)::INTEGER AS j,
        (hash(n, 34) % 9)::INTEGER - 4 AS i, ((hash(n, 35) % 9000)::INTEGER / 100)::DECIMAL(10, 2) AS d,
        (hash(n, 36) % 500)::DOUBLE / 3 AS x, TIMESTAMP '1970-01-01' + to_seconds((hash(n, 37) % 60)::BIGINT * 1800) AS t,
        hash(n, 38) % 2 = 0 AS o FROM range(14) q(n))";
    // Called like what they stand for, with parameters that are called like columns.
    static constexpr std::string_view macros = R"(CREATE MACRO my_sum(i) AS sum(i);
        CREATE MACRO my_count(k, "by" := 1) AS count(k) * "by"; CREATE MACRO my_max(s) AS max(s);
        CREATE MACRO my_avg(x) AS avg(x); CREATE MACRO my_min(j) AS (-my_max(-j)); CREATE MACRO my_median(d) AS median(d);
        CREATE MACRO my_kind(s) AS (SELECT max(kind) FROM r WHERE k = s);
        CREATE MACRO my_e() AS TABLE SELECT * FROM e; CREATE MACRO my_f(i) AS TABLE SELECT * FROM f WHERE id >= i;)";
    static constexpr std::string_view r =
        "SELECT 'k' || n AS k, CASE WHEN n <> 2 THEN 'kind' || n % 2 END AS kind, n * 10 AS factor FROM range(3) q(n)";
};

struct RandomAggregate {
    std::string_view text;  // $i is an expression of type i
    char type;
    bool may_tie = false;      // its answer depends on the order of rows, as DuckDB computes it
    bool may_order = false;    // it makes sense with ORDER BY inside
    bool may_distinct = true;  // DuckDB allows DISTINCT
};
inline constexpr std::array random_aggregates = std::to_array<RandomAggregate>({
    {"count(*)", 'i', false, false, false},
    {"count(*)", 'i', false, false, false},
    {"count($s)", 'i'},
    {"count($l)", 'i'},
    {"count($?)", 'i'},
    {"count_if($o)", 'r', false, false, false},
    {"countif($o)", 'r', false, false, false},
    {"sum($i)", 'r'},
    {"sum($b)", 'r'},
    {"sum($h)", 'r'},
    {"sum($d)", 'r'},
    {"sum($x)", 'x', false, true},
    {"sum($w)", 'w', true, true},
    {"sum($o)", 'r'},
    {"sum_no_overflow($i)", 'r'},
    {"avg($i)", 'x'},
    {"avg($b)", 'x'},
    {"avg($h)", 'x'},
    {"avg($d)", 'x'},
    {"avg($x)", 'x', false, true},
    {"avg($w)", 'w', true},
    {"avg($t)", 'r', false},
    {"avg($a)", 'r', false},
    {"mean($x)", 'x'},
    {"favg($x)", 'x'},
    {"fsum($x)", 'x'},
    {"kahan_sum($x)", 'x'},
    {"sumkahan($d)", 'x'},
    {"min($i)", 'i'},
    {"max($b)", 'b'},
    {"min($d)", 'd'},
    {"max($h)", 'h'},
    {"min($x)", 'x'},
    {"max($w)", 'w', true},
    {"min($w)", 'w', true},
    {"max($t)", 't'},
    {"min($a)", 'a'},
    {"min($s)", 's'},
    {"max($s)", 's'},
    {"min($o)", 'o'},
    {"max($l)", 'l'},
    {"min($m)", 'm'},
    {"max($i, 3)", 'r'},
    {"min($s, 2)", 'r'},
    {"bool_and($o)", 'o'},
    {"bool_or($o)", 'o'},
    {"bit_and($i)", 'i'},
    {"bit_or($b)", 'b'},
    {"bit_xor($i)", 'i'},
    {"bitstring_agg($j, 0, 5)", 'r'},
    {"var_samp($x)", 'x'},
    {"variance($i)", 'x'},
    {"var_pop($d)", 'x'},
    {"stddev($x)", 'x'},
    {"stddev_samp($i)", 'x'},
    {"stddev_pop($x)", 'x'},
    {"sem($x)", 'x'},
    {"var_pop($w)", 'w', true, false, false},
    {"covar_pop($x, $i)", 'x'},
    {"covar_samp($d, $x)", 'x'},
    {"corr($x, $i)", 'w', true},
    {"regr_count($x, $i)", 'r', true},  // DuckDB: NULL, and not 0, over nothing inside a correlated query
    {"regr_avgx($x, $i)", 'x'},
    {"regr_avgy($x, $i)", 'x'},
    {"regr_sxx($x, $i)", 'x'},
    {"regr_syy($i, $x)", 'x'},
    {"regr_sxy($x, $i)", 'x'},
    {"regr_slope($i, $x)", 'w', true},
    {"regr_intercept($i, $x)", 'w', true},
    {"regr_r2($i, $x)", 'w', true},
    {"arg_max($s, $i)", 's', true},
    {"arg_min($x, $t)", 'x', true},
    {"argmax($l, $d)", 'l', true},
    {"argmin($t, $b)", 't', true},
    {"max_by($i, $x)", 'i', true},
    {"min_by($d, $s)", 'd', true},
    {"arg_max_null($s, $i)", 's', true},
    {"arg_min_null($s, $t)", 's', true},
    {"arg_max_nulls_last($i, $t)", 'i', true},
    {"arg_min_nulls_last($i, $t)", 'i', true},
    {"arg_max($s, $i, 2)", 'r', true},
    {"any_value($s)", 's', true, true},
    {"any_value($l)", 'l', true},
    {"arbitrary($t)", 't', true},
    {"first($i)", 'i', true, true},
    {"last($s)", 's', true, true},
    {"first($l)", 'l', true, true},
    {"list($i)", 'r', true, true},
    {"list($s)", 'r', true, true},
    {"list($l)", 'r', true, true},
    {"array_agg($d)", 'r', true, true},
    {"array_agg($t)", 'r', true, true},
    {"string_agg($s, ',')", 's', true, true},
    {"string_agg($s)", 's', true, true},
    {"group_concat($s, '')", 's', true, true},
    {"listagg($s, ' ')", 's', true, true},
    {"product($j)", 'x', true},
    {"product($x)", 'w', true},
    {"median($i)", 'x'},
    {"median($x)", 'x'},
    {"median($d)", 'r'},
    {"median($t)", 't'},
    {"quantile_cont($x, 0.9)", 'x'},
    {"quantile_cont($t, 0.25)", 't'},
    {"quantile_cont($i, [0.25, 0.5, 1])", 'r'},
    {"quantile_disc($s, 0.5)", 's'},
    {"quantile_disc($d, [0.1, 0.7])", 'r'},
    {"quantile($i, 0.3)", 'i'},
    {"quantile($i, 1 / 4)", 'i'},
    {"percentile_cont(0.75) WITHIN GROUP (ORDER BY $x)", 'x', false, false, false},
    {"percentile_disc(0.5) WITHIN GROUP (ORDER BY $i DESC)", 'r', false, false, false},
    {"mode() WITHIN GROUP (ORDER BY $s)", 's', true, false, false},
    {"mode($i)", 'i', true},
    {"mode($s)", 's', true},
    {"mad($x)", 'x'},
    {"mad($i)", 'r'},
    {"histogram($s)", 'r'},
    {"histogram($i)", 'r'},
    {"histogram($i, [0, 5, 10])", 'r'},
    {"histogram_exact($s, ['ä', 'Zebra'])", 'r'},
    {"entropy($s)", 'x', true},
    {"skewness($x)", 'w', true},
    {"kurtosis($x)", 'w', true},
    {"kurtosis_pop($i)", 'w', true},
    {"geomean($x)", 'x', true, false, false},
    {"geometric_mean($x)", 'x', true, false, false},
    {"weighted_avg($x, $j)", 'w', true, false, false},
    {"approx_count_distinct($s)", 'r', true},
    {"approx_count_distinct($?)", 'r', true},
    {"approx_count_distinct($l)", 'r', true},
    {"approx_quantile($x, 0.5)", 'x', true},
    {"approx_quantile($i, [0.1, 0.9])", 'r', true},
    {"approx_quantile($b, 0.75)", 'b', true},
    {"approx_quantile($h, 0.25)", 'h', true},
    {"approx_quantile($d, 0.5)", 'd', true},
    {"approx_quantile($w, 0.5)", 'w', true},
    {"approx_quantile($t, 0.5)", 't', true},
    {"approx_quantile($a, [0.5])", 'r', true},
    {"approx_top_k($s, 2)", 'r', true},
    {"json_group_array($i)", 'r', true, false, false},
    {"json_group_object(coalesce($s, '?'), $i)", 'r', true, false, false},
});

class RandomQuery {
public:
    explicit RandomQuery(std::uint64_t seed) : random_(seed), random_macros_(seed + 1), random_relations_(seed + 2) {}

    struct Column {
        std::string name;
        char type;
    };
    struct Query {
        std::string sql;
        std::vector<Column> columns;
        bool ordered = false;
    };

    Query make() {
        auto query = chance(5) ? projection(linear_source(2), chance(70)) : any(2);
        if (!with_.empty()) query.sql = fmt::format("WITH {} {}", fmt::join(with_, ", "), query.sql);
        return query;
    }
    // DuckDB itself promises one answer: no ties decided, no sums of wild doubles.
    bool one_answer() const { return one_answer_; }

private:
    struct Source {
        std::string from;
        std::vector<Column> columns;  // as they are written
    };

    std::size_t below(std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_); }
    bool chance(int percent) { return below(100) < static_cast<std::size_t>(percent); }
    template <class List>
    auto pick(const List& list) {
        return list[below(std::size(list))];
    }
    std::string one_of(std::initializer_list<const char*> texts) { return texts.begin()[below(texts.size())]; }
    std::string fresh(std::string_view prefix) { return fmt::format("{}{}", prefix, ++names_); }

    // ---- relations

    static std::vector<Column> columns_of(std::string_view table) {
        if (table == "r") return {{"k", 's'}, {"kind", 's'}, {"factor", 'i'}};
        if (table == "f")
            return {{"id", 'i'}, {"k", 's'}, {"j", 'i'}, {"i", 'i'}, {"d", 'd'}, {"x", 'x'}, {"t", 't'}, {"o", 'o'}};
        return {{"id", 'i'}, {"k", 's'}, {"j", 'i'}, {"i", 'i'}, {"b", 'b'}, {"h", 'h'}, {"d", 'd'}, {"x", 'x'},
                {"w", 'w'},  {"t", 't'}, {"a", 'a'}, {"s", 's'}, {"o", 'o'}, {"l", 'l'}, {"m", 'm'}};
    }

    static std::vector<Column> qualified(std::vector<Column> columns, const std::string& by) {
        for (auto& column : columns) column.name = by + "." + column.name;
        return columns;
    }

    std::string events() {
        const auto which = below(20);
        return which < 14 ? "e" : which < 19 ? "f" : "nothing";
    }

    // The same with a macro, now and then.
    std::string or_macro(const std::string& written, const std::string& macro) {
        return std::uniform_int_distribution(1, 4)(random_macros_) == 1 ? macro : written;
    }
    std::string table_or_macro(const std::string& table) {
        return table == "e" ? or_macro(table, "my_e()") : table == "f" ? or_macro(table, "my_f(-1 + 1)") : table;
    }

    Source plain_source() {
        const auto table = events();
        if (chance(50)) return {table_or_macro(table), columns_of(table)};
        const auto alias = fresh("v");
        auto columns = columns_of(table);
        return {table_or_macro(table) + (chance(50) ? " AS " : " ") + alias,
                chance(60) ? qualified(columns, alias) : columns};
    }

    // Work on one row at a time, mostly.
    Source linear_source(int depth) {
        switch (below(14)) {
            case 0: {  // a reference table
                const auto v = fresh("v"), p = fresh("p");
                auto columns = qualified(columns_of("e"), v);
                for (const auto& each : qualified({{"kind", 's'}, {"factor", 'i'}}, p)) columns.push_back(each);
                return {fmt::format("e {} {} r {} ON {}.k = {}.k{}", v, one_of({"JOIN", "LEFT JOIN", "INNER JOIN"}), p,
                                    p, v, chance(20) ? fmt::format(" AND {}.i > 0", v) : ""),
                        columns};
            }
            case 1: {
                auto columns = columns_of("e");
                columns.push_back({"kind", 's'});
                columns.push_back({"factor", 'i'});
                return {fmt::format("e {} r USING (k)", one_of({"JOIN", "LEFT JOIN"})), columns};
            }
            case 2: {
                const auto u = fresh("u");
                const auto from = [&](const char* table) {
                    return fmt::format("SELECT k, i, d, x, t, o FROM {}{}", table,
                                       chance(30) ? " WHERE " + expression(columns_of(table), 'o', 1) : "");
                };
                return {fmt::format("({} UNION ALL {}) {}", from("e"), from(chance(50) ? "f" : "nothing"), u),
                        {{"k", 's'}, {"i", 'i'}, {"d", 'd'}, {"x", 'x'}, {"t", 't'}, {"o", 'o'}}};
            }
            case 3: {
                const auto v = fresh("v"), u = fresh("u");
                auto columns = qualified(columns_of("e"), v);
                columns.push_back({u + ".one", 's'});
                return {fmt::format("e {0}, unnest({0}.l) {1}(one)", v, u), columns};
            }
            case 4: {
                const auto source = plain_source();
                const auto query = projection(source, chance(50));
                return {fmt::format("({}) {}", query.sql, fresh("q")), query.columns};
            }
            case 5: {
                const auto query = projection(plain_source(), chance(50));
                const auto name = fresh("c");
                with_.push_back(name + " AS (" + query.sql + ")");
                return {name, query.columns};
            }
            case 6: {
                if (depth <= 0 || !chance(60)) return plain_source();
                const auto query = any(depth - 1);
                return {fmt::format("({}) {}", query.sql, fresh("q")), query.columns};
            }
            case 7: {
                if (!chance(40)) return plain_source();
                const auto v = fresh("v"), w = fresh("v");
                auto columns = qualified(columns_of("e"), v);
                for (const auto& each : qualified({{"id", 'i'}, {"i", 'i'}, {"x", 'x'}}, w)) columns.push_back(each);
                return {
                    fmt::format("e {} {} f {} ON {}.k = {}.k", v, one_of({"JOIN", "LEFT JOIN", "FULL JOIN"}), w, v, w),
                    columns};
            }
            default: return plain_source();
        }
    }

    Query projection(const Source& source, bool filtered) {
        Query query;
        std::vector<std::string> items;
        const auto count = 3 + below(5);
        for (std::size_t n = 0; n < count; ++n) {
            const char type = pick(std::string_view("iiddxxtssoblamh"));
            const auto name = fresh("y");
            items.push_back(expression(source.columns, type, 1) + " AS " + name);
            query.columns.push_back({name, type});
        }
        query.sql = fmt::format("SELECT {} FROM {}", fmt::join(items, ", "), source.from);
        if (filtered) query.sql += " WHERE " + expression(source.columns, 'o', 1);
        return query;
    }

    // ---- expressions over rows

    std::string literal(char type) {
        switch (type) {
            case 'i': return fmt::format("{}", static_cast<int>(below(21)) - 5);
            case 'b': return "9223372036854775807::BIGINT";
            case 'h': return "(-170141183460469231731687)::HUGEINT";
            case 'd': return fmt::format("{}.{:02}::DECIMAL(10, 2)", below(100), below(100));
            case 'x': return fmt::format("{}.{}::DOUBLE", below(50), below(10));
            case 'w': return one_of({"1e17::DOUBLE", "0.1::DOUBLE"});
            case 't': return one_of({"TIMESTAMP '1970-01-01 03:00:00'", "TIMESTAMP '1970-01-02 00:00:00'"});
            case 'a': return "DATE '2024-02-29'";
            case 's': return one_of({"'k1'", "'ä'", "''", "'it''s'"});
            case 'o': return one_of({"true", "false"});
            case 'l': return "['p', 'z']";
            case 'm': return "[1, 2]";
            default: return "NULL";
        }
    }

    std::string leaf(const std::vector<Column>& columns, char type) {
        std::vector<const Column*> fitting;
        for (const auto& column : columns)
            if (column.type == type) fitting.push_back(&column);
        if (fitting.empty() || chance(7)) {
            if (fitting.empty() && !columns.empty() && type == 's' && chance(50)) {
                const auto& column = columns[below(columns.size())];
                if (column.type == 'i' || column.type == 'o' || column.type == 'a') return column.name + "::VARCHAR";
            }
            return literal(type);
        }
        return fitting[below(fitting.size())]->name;
    }

    std::string expression(const std::vector<Column>& columns, char type, int depth) {
        if (depth <= 0 || chance(45)) return leaf(columns, type);
        const auto of = [&](char wanted) { return expression(columns, wanted, depth - 1); };
        if (chance(10)) return fmt::format("CASE WHEN {} THEN {} ELSE {} END", of('o'), of(type), of(type));
        if (chance(6)) return fmt::format("coalesce({}, {})", of(type), literal(type));
        switch (type) {
            case 'i':
                switch (below(6)) {
                    case 0: return fmt::format("length({})", of('s'));
                    case 1: return fmt::format("extract(hour FROM {})::INTEGER", of('t'));
                    case 2: return fmt::format("({} + {})", leaf(columns, 'i'), literal('i'));
                    case 3: return fmt::format("(-{})", of('i'));
                    case 4: return fmt::format("({} % 7)", of('i'));
                    default: return fmt::format("len({})", of('l'));
                }
            case 'd': return chance(50) ? fmt::format("({} * 2)::DECIMAL(10, 2)", leaf(columns, 'd')) : of('d');
            case 'x':
                switch (below(4)) {
                    case 0: return fmt::format("({} * 0.1::DOUBLE)", of('x'));
                    case 1: return fmt::format("{}::DOUBLE", of('d'));
                    case 2: return fmt::format("sqrt(abs({}))", of('x'));
                    default: return fmt::format("({} / 3)", of('i'));
                }
            case 't':
                return chance(50) ? fmt::format("date_trunc('{}', {})", one_of({"hour", "day", "month"}), of('t'))
                                  : fmt::format("({} + INTERVAL 90 MINUTE)", of('t'));
            case 'a': return chance(50) ? fmt::format("{}::DATE", of('t')) : of('a');
            case 's':
                switch (below(5)) {
                    case 0: return fmt::format("upper({})", of('s'));
                    case 1: {
                        const auto text = of('s');
                        return or_macro(fmt::format("({} || '!')", text), fmt::format("my_kind({})", text));
                    }
                    case 2: return fmt::format("substr({}, 1, 1)", of('s'));
                    case 3: return fmt::format("strftime({}, '%Y-%m-%d %H')", of('t'));
                    default: return fmt::format("{}::VARCHAR", of('i'));
                }
            case 'o':
                switch (below(9)) {
                    case 0: return fmt::format("{} > {}", of('i'), literal('i'));
                    case 1: return fmt::format("{} < {}", of('t'), literal('t'));
                    case 2:
                        return fmt::format("{} IS {}NULL", leaf(columns, pick(std::string_view("idxtsl"))),
                                           chance(50) ? "NOT " : "");
                    case 3: return fmt::format("{} IN ('k0', 'k2', 'ä')", of('s'));
                    case 4: return fmt::format("{} BETWEEN -3 AND 12", of('i'));
                    case 5: return fmt::format("NOT ({})", of('o'));
                    case 6: return fmt::format("({} {} {})", of('o'), one_of({"AND", "OR"}), of('o'));
                    case 7: return fmt::format("{} {} {}", of('d'), one_of({"<", ">=", "<>"}), literal('d'));
                    default: return fmt::format("{} LIKE 'k%'", of('s'));
                }
            case 'l': return chance(50) ? fmt::format("list_append({}, {})", of('l'), of('s')) : of('l');
            default: return leaf(columns, type);
        }
    }

    // ---- aggregates

    std::string aggregate(const std::vector<Column>& columns, char& type) {
        const auto& chosen = random_aggregates[below(random_aggregates.size())];
        std::string call;
        std::string first;
        for (std::size_t at = 0; at < chosen.text.size(); ++at) {
            if (chosen.text[at] != '$') {
                call += chosen.text[at];
                continue;
            }
            char wanted = chosen.text[++at];
            std::string argument;
            if (wanted == 'j') {
                argument = fmt::format("abs({} % 3)", leaf(columns, 'i'));
            } else {
                if (wanted == '?') wanted = pick(std::string_view("ibhdxwtaso"));
                argument = expression(columns, wanted, chance(30) ? 1 : 0);
            }
            if (first.empty()) first = argument;
            call += argument;
        }
        type = chosen.type;
        if (chosen.may_tie) one_answer_ = false;
        const bool calls_with_parenthesis = call.back() == ')' && call.find("WITHIN") == std::string::npos;
        static constexpr std::array with_macro{"count($s)", "count($l)", "sum($i)",    "sum($b)",   "sum($d)",
                                               "avg($i)",   "avg($x)",   "max($s)",    "max($t)",   "min($i)",
                                               "min($x)",   "min($d)",   "median($i)", "median($x)"};
        if (std::find(with_macro.begin(), with_macro.end(), chosen.text) != with_macro.end()) {
            auto macro = or_macro(call, "my_" + call);
            if (macro != call) return macro;
        }
        if (calls_with_parenthesis && chosen.may_distinct && chance(15)) {
            call.insert(call.find('(') + 1, "DISTINCT ");
            if (chosen.may_order && chance(40)) call.insert(call.size() - 1, " ORDER BY " + first);
        } else if (calls_with_parenthesis && chosen.may_order && chance(50)) {
            call.insert(call.size() - 1, fmt::format(" ORDER BY {}{}", leaf(columns, pick(std::string_view("itsdxl"))),
                                                     one_of({"", " DESC", " NULLS FIRST"})));
        }
        if (chance(20)) call += " FILTER (WHERE " + expression(columns, 'o', 1) + ")";
        return call;
    }

    // ---- queries

    struct Item {
        std::string expression, alias;
        char type;
    };

    std::string having(const std::vector<Item>& aggregated, const Source& source) {
        switch (below(4)) {
            case 0: return "count(*) > " + std::to_string(below(8));
            case 1: return "min(" + leaf(source.columns, 'i') + ") < 0";
            case 2:
                for (const auto& item : aggregated)
                    if (item.type == 'i') return item.expression + " > 1";
                return "count(*) >= 2";
            default: return "bool_or(" + leaf(source.columns, 'o') + ") OR count(*) > 3";
        }
    }

    // Over items: by position, alias or expression.
    std::string order_by(const std::vector<Item>& items) {
        std::vector<std::string> parts;
        const auto count = 1 + below(2);
        for (std::size_t n = 0; n < count; ++n) {
            const auto at = below(items.size());
            const auto& item = items[at];
            const auto text = chance(40) ? std::to_string(at + 1) : !item.alias.empty() ? item.alias : item.expression;
            parts.push_back(text + one_of({"", "", " DESC", " NULLS FIRST"}));
        }
        return fmt::format(" ORDER BY {}", fmt::join(parts, ", "));
    }

    void finish(Query& query, const std::vector<Item>& items, bool top) {
        if (!chance(top ? 50 : 15)) return;
        query.sql += order_by(items);
        query.ordered = true;
        if (chance(40)) {
            one_answer_ = false;
            query.sql += fmt::format(" LIMIT {}", 1 + below(6));
            if (chance(25)) query.sql += fmt::format(" OFFSET {}", below(3));
        }
    }

    std::string alias_for(const Source& source) {
        // Sometimes a name that the source has already.
        if (chance(8) && !source.columns.empty()) {
            const auto& name = source.columns[below(source.columns.size())].name;
            return name.substr(name.find('.') == std::string::npos ? 0 : name.find('.') + 1);
        }
        return fresh("a");
    }

    Query aggregate_query(int depth) {
        const auto source = linear_source(depth);
        std::vector<Item> keys, aggregated;
        const auto key_count = below(10) < 2 ? 0 : 1 + below(3);
        for (std::size_t n = 0; n < key_count; ++n) {
            const char type = pick(std::string_view("sssiitaoold"));
            keys.push_back({expression(source.columns, type, chance(40) ? 2 : 0), alias_for(source), type});
        }
        const auto count = (keys.empty() ? 1 : 0) + below(4);
        for (std::size_t n = 0; n < count; ++n) {
            char type = 'r';
            auto call = aggregate(source.columns, type);
            if (type == 'x' && chance(15)) call = fmt::format("round({} / count(*), 3)", call), one_answer_ = false;
            if (type == 'i' && chance(20)) call = fmt::format("100.0 * {} / nullif(count(*), 0)", call), type = 'x';
            if (type == 's' && chance(15)) call = fmt::format("coalesce({}, 'none')", call);
            aggregated.push_back({call, fresh("a"), type});
        }
        if (!keys.empty() && chance(10)) {
            const auto& key = pick(keys);
            switch (below(5)) {
                case 0:
                    aggregated.push_back(
                        {fmt::format("sum(count(*)) OVER (ORDER BY {})", key.expression), fresh("a"), 'r'});
                    break;
                case 1:
                    aggregated.push_back({"row_number() OVER (ORDER BY count(*) DESC)", fresh("a"), 'i'});
                    one_answer_ = false;
                    break;
                case 2:
                    aggregated.push_back(
                        {fmt::format("rank() OVER (PARTITION BY {} ORDER BY count(*))", key.expression), fresh("a"),
                         'i'});
                    break;
                case 3:
                    aggregated.push_back(
                        {fmt::format("lag({}) OVER (ORDER BY count(*))", key.expression), fresh("a"), key.type});
                    one_answer_ = false;
                    break;
                default:
                    aggregated.push_back(
                        {fmt::format("sum(sum({})) OVER ()", leaf(source.columns, 'x')), fresh("a"), 'x'});
                    break;
            }
        }
        if (!keys.empty() && chance(6)) {
            const auto name = fresh("z");
            aggregated.push_back(
                {fmt::format("(SELECT {} FROM f {})", one_of({"count(*)", "max(i)", "sum(d)", "avg(x)"}), name),
                 fresh("a"), 'r'});
        }
        // The keys are grouped by expression, position or alias; not all of them have to be shown.
        std::vector<Item> items;
        std::vector<std::string> groups;
        const bool all = !keys.empty() && chance(12);
        for (const auto& key : keys) {
            const bool shown = all || chance(85);
            if (shown) items.push_back(key);
            const auto how = below(3);
            groups.push_back(!shown || how == 0 ? key.expression : how == 1 ? std::to_string(items.size()) : key.alias);
        }
        for (const auto& item : aggregated) items.push_back(item);
        if (items.empty()) items.push_back({"count(*)", fresh("a"), 'i'});
        if (!all && chance(10))
            std::rotate(items.begin(), items.begin() + 1, items.end()), renumber(groups, keys, items);
        Query query;
        std::vector<std::string> list;
        for (auto& item : items) {
            if (chance(12) && item.expression.find('(') == std::string::npos &&
                item.expression.find('\'') == std::string::npos && !chance(50)) {
                list.push_back(item.expression + " AS " + item.alias);
            } else {
                list.push_back(item.expression + (chance(80) ? " AS " : " ") + item.alias);
            }
            query.columns.push_back({item.alias, item.type});
        }
        query.sql = fmt::format("SELECT {} FROM {}", fmt::join(list, ", "), source.from);
        if (chance(30)) query.sql += " WHERE " + where(source);
        if (all) {
            query.sql += " GROUP BY ALL";
        } else if (!groups.empty()) {
            // The rows of several grouping sets can look alike: a window that numbers them has no one answer.
            const bool windows = std::any_of(items.begin(), items.end(), [](const Item& item) {
                return item.expression.find(" OVER (") != std::string::npos;
            });
            const auto kind = below(14);
            switch (windows ? 13 : kind) {
                case 0: query.sql += fmt::format(" GROUP BY ROLLUP ({})", fmt::join(groups, ", ")); break;
                case 1: query.sql += fmt::format(" GROUP BY CUBE ({})", fmt::join(groups, ", ")); break;
                case 2:
                    query.sql +=
                        fmt::format(" GROUP BY GROUPING SETS (({}), (), ({}))", fmt::join(groups, ", "), groups[0]);
                    break;
                default: query.sql += fmt::format(" GROUP BY {}", fmt::join(groups, ", "));
            }
        }
        if (!groups.empty() && chance(15)) query.sql += " HAVING " + having(aggregated, source);
        if (!keys.empty() && chance(4)) {
            query.sql += fmt::format(" QUALIFY {} OVER (PARTITION BY {} ORDER BY count(*) DESC) <= 2",
                                     one_of({"row_number()", "rank()"}), keys[0].expression);
            one_answer_ = false;
        }
        finish(query, items, depth == 2);
        return query;
    }

    // After the list was turned, positions no longer hold.
    static void renumber(std::vector<std::string>& groups, const std::vector<Item>& keys,
                         const std::vector<Item>& items) {
        for (std::size_t n = 0; n < groups.size(); ++n) {
            if (groups[n].find_first_not_of("0123456789") != std::string::npos) continue;
            for (std::size_t at = 0; at < items.size(); ++at)
                if (items[at].alias == keys[n].alias) groups[n] = std::to_string(at + 1);
        }
    }

    std::string where(const Source& source) {
        switch (below(12)) {
            case 0: return fmt::format("{} IN (SELECT k FROM r)", leaf(source.columns, 's'));
            case 1:
                return fmt::format("EXISTS (SELECT 1 FROM f {0} WHERE {0}.i = {1})", fresh("z"),
                                   leaf(source.columns, 'i'));
            case 2: return fmt::format("{} > (SELECT avg(i) FROM f)", leaf(source.columns, 'i'));
            case 3: return fmt::format("{} NOT IN (SELECT k FROM r WHERE kind = 'kind0')", leaf(source.columns, 's'));
            case 4:
                return fmt::format("{} > (SELECT min(factor) FROM r) AND {}", leaf(source.columns, 'i'),
                                   expression(source.columns, 'o', 1));
            case 5: return "1 = 0";
            default: return expression(source.columns, 'o', 2);
        }
    }

    Query distinct_query(int depth) {
        const auto source = linear_source(depth);
        std::vector<Item> items;
        const auto count = 1 + below(3);
        for (std::size_t n = 0; n < count; ++n) {
            const char type = pick(std::string_view("ssiitaodlxw"));
            items.push_back({expression(source.columns, type, 1), alias_for(source), type});
        }
        Query query;
        std::vector<std::string> list;
        for (const auto& item : items) {
            list.push_back(item.expression + " AS " + item.alias);
            query.columns.push_back({item.alias, item.type});
            if (item.type == 'w') one_answer_ = false;  // 0 and -0
        }
        const bool on = chance(50);
        query.sql = fmt::format("SELECT DISTINCT {}{} FROM {}", on ? "ON (" + items[0].expression + ") " : "",
                                fmt::join(list, ", "), source.from);
        if (chance(40)) query.sql += " WHERE " + where(source);
        if (on) one_answer_ = false;
        if (on && chance(70)) {
            query.sql += fmt::format(" ORDER BY {}, {}{}", items[0].expression,
                                     leaf(source.columns, pick(std::string_view("itdx"))),
                                     one_of({"", " DESC", " DESC NULLS LAST"}));
            query.ordered = true;
        } else {
            finish(query, items, depth == 2);
        }
        return query;
    }

    Query set_query(int depth) {
        Query query{.sql = {}, .columns = {{fresh("a"), 's'}, {fresh("a"), 'i'}}};
        const auto operand = [&]() -> std::string {
            const auto source = linear_source(depth - 1);
            if (chance(50))
                return fmt::format("SELECT {} AS {}, {} AS {} FROM {}{}", expression(source.columns, 's', 1),
                                   query.columns[0].name, expression(source.columns, 'i', 1), query.columns[1].name,
                                   source.from, chance(40) ? " WHERE " + where(source) : "");
            return fmt::format("SELECT {} AS {}, max({})::INTEGER AS {} FROM {} GROUP BY 1", leaf(source.columns, 's'),
                               query.columns[0].name, leaf(source.columns, 'i'), query.columns[1].name, source.from);
        };
        query.sql = operand();
        const auto count = 1 + below(2);
        for (std::size_t n = 0; n < count; ++n)
            query.sql +=
                fmt::format(" {} {}", one_of({"UNION", "UNION", "UNION ALL", "EXCEPT", "INTERSECT"}), operand());
        if (chance(40)) {
            query.sql += " ORDER BY 1, 2";
            query.ordered = true;
            if (chance(40)) query.sql += " LIMIT 3";
        }
        return query;
    }

    Query joined_aggregates(int depth) {
        const auto part = [&](std::string& name, std::vector<Column>& columns) {
            const auto source = linear_source(depth - 1);
            char type = 'r', second = 'r';
            const auto one = aggregate(source.columns, type), two = aggregate(source.columns, second);
            const auto a = fresh("a"), b = fresh("a");
            const auto sql = fmt::format("SELECT {} AS k, {} AS {}, {} AS {} FROM {} GROUP BY 1",
                                         leaf(source.columns, 's'), one, a, two, b, source.from);
            if (chance(50)) {
                name = fresh("c");
                with_.push_back(name + " AS (" + sql + ")");
            } else {
                name = fmt::format("({}) {}", sql, fresh("q"));
            }
            columns.push_back({a, type});
            columns.push_back({b, second});
        };
        std::string left, right;
        std::vector<Column> columns{{"k", 's'}};
        part(left, columns);
        part(right, columns);
        Query query;
        std::vector<std::string> list;
        std::vector<Item> items;
        for (const auto& column : columns) {
            list.push_back(column.name);
            items.push_back({column.name, column.name, column.type});
        }
        query.columns = columns;
        query.sql = fmt::format("SELECT {} FROM {} {} {} USING (k)", fmt::join(list, ", "), left,
                                one_of({"JOIN", "LEFT JOIN", "FULL JOIN", "FULL OUTER JOIN"}), right);
        if (chance(20)) query.sql += " WHERE k IS NOT NULL";
        finish(query, items, depth == 2);
        return query;
    }

    Query outer_query(int depth) {
        const auto inner = any(depth - 1);
        const auto name = fresh("q");
        std::string from = fmt::format("({}) {}", inner.sql, name);
        if (chance(40)) {
            const auto cte = fresh("c");
            with_.push_back(
                fmt::format("{} AS {}({})", cte, one_of({"", "MATERIALIZED ", "NOT MATERIALIZED "}), inner.sql));
            from = cte;
        }
        Query query{.sql = "SELECT * FROM " + from, .columns = inner.columns};
        std::vector<Item> items;
        for (const auto& column : inner.columns) items.push_back({column.name, column.name, column.type});
        if (chance(40)) query.sql += " WHERE " + expression(inner.columns, 'o', 1);
        finish(query, items, depth == 2);
        return query;
    }

    Query correlated_query() {
        const auto v = fresh("v"), z = fresh("z");
        char type = 'r';
        const auto call = aggregate(qualified(columns_of("f"), z), type);
        const auto a = fresh("a"), b = fresh("a");
        Query query{.sql = {}, .columns = {{a, 's'}, {b, type}}};
        switch (below(4)) {
            case 0:
                query.sql = fmt::format(
                    "SELECT {0}.k AS {1}, (SELECT {2} FROM f {3} WHERE {3}.k = {0}.k{4}) AS {5} FROM e {0} GROUP BY "
                    "{0}.k",
                    v, a, call, z, chance(50) ? fmt::format(" AND {}.i > 0", z) : "", b);
                break;
            case 1:
                query.sql = fmt::format(
                    "SELECT {0}.k AS {1}, (SELECT {2} FROM f {3} WHERE {3}.t <= {0}.m) AS {4} FROM (SELECT k, max(t) "
                    "AS m FROM e GROUP BY 1) {0}",
                    v, a, call, z, b);
                break;
            case 2:
                query.sql = fmt::format(
                    "SELECT {0}.k AS {1}, count(*) AS {4} FROM e {0} WHERE {5} (SELECT 1 FROM f {3} WHERE {3}.k = "
                    "{0}.k AND {2}) GROUP BY 1",
                    v, a, expression(qualified(columns_of("f"), z), 'o', 1), z, b, one_of({"EXISTS", "NOT EXISTS"}));
                query.columns[1].type = 'i';
                break;
            default:
                query.sql =
                    fmt::format("SELECT {0}.k AS {1}, (SELECT {2} FROM f {3} WHERE {3}.k = {0}.k) AS {4} FROM r {0}", v,
                                a, call, z, b);
                break;
        }
        return query;
    }

    // One in `many`, beside the choices that the other queries rest on.
    bool rarely(int many) { return std::uniform_int_distribution(1, many)(random_relations_) == 1; }

    // Days tie more often than moments do.
    Query asof_query() {
        one_answer_ = false;
        const auto a = fresh("a"), b = fresh("a"), c = fresh("a"), key = one_of({"v.k = w.k", "v.j = w.j AND v.o"});
        const auto join =
            fmt::format("e v {} {} w ON {} AND v.t::DATE {} w.t::DATE", one_of({"ASOF JOIN", "ASOF LEFT JOIN"}),
                        table_or_macro("f"), key, one_of({">=", "<="}));
        if (chance(50))
            return {.sql = fmt::format("SELECT v.id AS {}, w.id AS {}, w.x AS {} FROM {}", a, b, c, join),
                    .columns = {{a, 'i'}, {b, 'i'}, {c, 'x'}}};
        char type = 'r';
        const auto call = aggregate(qualified(columns_of("f"), "w"), type);
        return {.sql = fmt::format("SELECT v.s AS {}, count(w.id) AS {}, {} AS {} FROM {} GROUP BY v.s", a, b, call, c,
                                   join),
                .columns = {{a, 's'}, {b, 'i'}, {c, type}}};
    }

    Query pivot_query() {
        one_answer_ = false;  // DuckDB forgets a FILTER there
        const auto a = fresh("a"), b = fresh("a"), c = fresh("a");
        char type = 'r';
        const auto call = aggregate(columns_of("e"), type);
        return {.sql = fmt::format(
                    "SELECT x.* FROM (SELECT * FROM {}) PIVOT ({}{} FOR j IN (0, {}) GROUP BY k) x({}, {}, {})",
                    table_or_macro("e"), call, one_of({"", " AS p"}), one_of({"1", "NULL"}), a, b, c),
                .columns = {{a, 's'}, {b, type}, {c, type}}};
    }

    Query row_query() {
        if (rarely(4)) return asof_query();
        if (rarely(4)) return pivot_query();
        const auto source = linear_source(0);
        std::vector<Item> items{{leaf(source.columns, 's'), fresh("a"), 's'},
                                {expression(source.columns, 'x', 1), fresh("a"), 'x'}};
        const auto partition = leaf(source.columns, 's'), order = leaf(source.columns, pick(std::string_view("itd")));
        switch (below(8)) {
            case 0:
                items.push_back({fmt::format("row_number() OVER (PARTITION BY {} ORDER BY {})", partition, order),
                                 fresh("a"), 'i'});
                one_answer_ = false;
                break;
            case 1:
                items.push_back({fmt::format("lag({}) OVER (PARTITION BY {} ORDER BY {} DESC)",
                                             leaf(source.columns, 'i'), partition, order),
                                 fresh("a"), 'i'});
                one_answer_ = false;
                break;
            case 2:
                items.push_back({fmt::format("sum({}) OVER (PARTITION BY {})", leaf(source.columns, 'x'), partition),
                                 fresh("a"), 'x'});
                break;
            case 3:
                items.push_back({fmt::format("sum({}) OVER (PARTITION BY {} ORDER BY {})", leaf(source.columns, 'd'),
                                             partition, order),
                                 fresh("a"), 'x'});
                break;
            case 4:
                items.push_back({fmt::format("sum({}) OVER (ORDER BY {} ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)",
                                             leaf(source.columns, 'd'), order),
                                 fresh("a"), 'r'});
                one_answer_ = false;
                break;
            case 5:
                items.push_back({fmt::format("first_value({}) OVER (PARTITION BY {} ORDER BY {})",
                                             leaf(source.columns, 's'), partition, order),
                                 fresh("a"), 's'});
                one_answer_ = false;
                break;
            case 6: items.push_back({fmt::format("dense_rank() OVER (ORDER BY {})", order), fresh("a"), 'i'}); break;
            default: items.push_back({expression(source.columns, 'd', 2), fresh("a"), 'd'});
        }
        Query query;
        std::vector<std::string> list;
        for (const auto& item : items) {
            list.push_back(item.expression + " AS " + item.alias);
            query.columns.push_back({item.alias, item.type});
        }
        query.sql = fmt::format("SELECT {} FROM {}", fmt::join(list, ", "), source.from);
        if (chance(40)) query.sql += " WHERE " + where(source);
        finish(query, items, false);
        return query;
    }

    Query any(int depth) {
        const auto which = below(40);
        if (which < 22 || depth <= 0) return aggregate_query(depth);
        if (which < 26) return distinct_query(depth);
        if (which < 28) return set_query(depth);
        if (which < 32) return joined_aggregates(depth);
        if (which < 36) return outer_query(depth);
        if (which < 38) return correlated_query();
        return row_query();
    }

    std::mt19937_64 random_, random_macros_, random_relations_;
    std::vector<std::string> with_;
    bool one_answer_ = true;
    int names_ = 0;
};

}  // namespace weir::view::testing

#include "view/split/aggregates.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>

#include "view/sketch/functions.h"

namespace weir::view {
namespace {

constexpr std::array aggregates = std::to_array<std::string_view>({"any_value",
                                                                   "approx_count_distinct",
                                                                   "approx_quantile",
                                                                   "approx_top_k",
                                                                   "arbitrary",
                                                                   "arg_max",
                                                                   "arg_max_null",
                                                                   "arg_max_nulls_last",
                                                                   "arg_min",
                                                                   "arg_min_null",
                                                                   "arg_min_nulls_last",
                                                                   "argmax",
                                                                   "argmin",
                                                                   "array_agg",
                                                                   "avg",
                                                                   "bit_and",
                                                                   "bit_or",
                                                                   "bit_xor",
                                                                   "bitstring_agg",
                                                                   "bool_and",
                                                                   "bool_or",
                                                                   "corr",
                                                                   "count",
                                                                   "count_if",
                                                                   "count_star",
                                                                   "countif",
                                                                   "covar_pop",
                                                                   "covar_samp",
                                                                   "entropy",
                                                                   "favg",
                                                                   "first",
                                                                   "fsum",
                                                                   "group_concat",
                                                                   "histogram",
                                                                   "histogram_exact",
                                                                   "kahan_sum",
                                                                   "kurtosis",
                                                                   "kurtosis_pop",
                                                                   "last",
                                                                   "list",
                                                                   "listagg",
                                                                   "mad",
                                                                   "max",
                                                                   "max_by",
                                                                   "mean",
                                                                   "median",
                                                                   "min",
                                                                   "min_by",
                                                                   "mode",
                                                                   "product",
                                                                   "quantile",
                                                                   "quantile_cont",
                                                                   "quantile_disc",
                                                                   "regr_avgx",
                                                                   "regr_avgy",
                                                                   "regr_count",
                                                                   "regr_intercept",
                                                                   "regr_r2",
                                                                   "regr_slope",
                                                                   "regr_sxx",
                                                                   "regr_sxy",
                                                                   "regr_syy",
                                                                   "reservoir_quantile",
                                                                   "sem",
                                                                   "skewness",
                                                                   "stddev",
                                                                   "stddev_pop",
                                                                   "stddev_samp",
                                                                   "string_agg",
                                                                   "sum",
                                                                   "sum_no_overflow",
                                                                   "sumkahan",
                                                                   "var_pop",
                                                                   "var_samp",
                                                                   "variance",
                                                                   "exact_sum",
                                                                   "exact_product",
                                                                   "exact_merge",
                                                                   "distinct_sketch",
                                                                   "distinct_sketch_merge",
                                                                   "quantile_sketch",
                                                                   "quantile_sketch_merge",
                                                                   "json_group_array",
                                                                   "json_group_object",
                                                                   "json_group_structure",
                                                                   "geomean",
                                                                   "geometric_mean",
                                                                   "weighted_avg"});

enum class Of { any, real, integer_or_decimal, neither };

struct StableRule {
    std::string_view name;
    std::size_t arguments;
    Of of;
    std::string_view form;
};

#define BOTH "FILTER (WHERE $1 IS NOT NULL AND $2 IS NOT NULL)"
#define PAIRS "(count(*) " BOTH ")"
#define SUM_Y "exact_sum($1::DOUBLE) " BOTH
#define SUM_X "exact_sum($2::DOUBLE) " BOTH
// n * sum(xy) - sum(x) * sum(y), rounded once: n² times the covariance.
#define MOMENT_XY "exact_moment(" PAIRS ", " SUM_Y ", " SUM_X ", exact_product($1::DOUBLE, $2::DOUBLE))"
#define MOMENT_YY "exact_moment(" PAIRS ", " SUM_Y ", " SUM_Y ", exact_product($1::DOUBLE, $1::DOUBLE) " BOTH ")"
#define MOMENT_XX "exact_moment(" PAIRS ", " SUM_X ", " SUM_X ", exact_product($2::DOUBLE, $2::DOUBLE) " BOTH ")"
#define MOMENT \
    "exact_moment(count($1), exact_sum($1::DOUBLE), exact_sum($1::DOUBLE), exact_product($1::DOUBLE, $1::DOUBLE))"
#define VAR_SAMP "CASE WHEN count($1) > 1 THEN " MOMENT " / (count($1)::DOUBLE * (count($1) - 1)) END"
#define VAR_POP "CASE WHEN count($1) > 0 THEN " MOMENT " / (count($1)::DOUBLE * count($1)) END"
#define EQUAL "(min($1::DOUBLE) = max($1::DOUBLE))"

// Formulas: SQL:2016, part 2, 10.9, over the moments.
constexpr std::array stable_rules = std::to_array<StableRule>({
    {"sum", 1, Of::real, "exact_value(exact_sum($1::DOUBLE))"},
    {"fsum", 1, Of::any, "exact_value(exact_sum($1::DOUBLE))"},
    {"kahan_sum", 1, Of::any, "exact_value(exact_sum($1::DOUBLE))"},
    {"sumkahan", 1, Of::any, "exact_value(exact_sum($1::DOUBLE))"},
    {"avg", 1, Of::real, "exact_value(exact_sum($1::DOUBLE)) / count($1)"},
    {"mean", 1, Of::real, "exact_value(exact_sum($1::DOUBLE)) / count($1)"},
    {"favg", 1, Of::any, "exact_value(exact_sum($1::DOUBLE)) / count($1)"},
    {"avg", 1, Of::integer_or_decimal, "(sum($1)::DOUBLE / count($1))"},
    {"mean", 1, Of::integer_or_decimal, "(sum($1)::DOUBLE / count($1))"},
    {"avg", 1, Of::neither, "avg($1 ORDER BY $1)"},
    {"mean", 1, Of::neither, "avg($1 ORDER BY $1)"},
    {"sum", 1, Of::neither, "sum($1 ORDER BY $1)"},
    {"var_samp", 1, Of::any, VAR_SAMP},
    {"variance", 1, Of::any, VAR_SAMP},
    {"var_pop", 1, Of::any, VAR_POP},
    {"stddev_samp", 1, Of::any, "sqrt(" VAR_SAMP ")"},
    {"stddev", 1, Of::any, "sqrt(" VAR_SAMP ")"},
    {"stddev_pop", 1, Of::any, "sqrt(" VAR_POP ")"},
    {"sem", 1, Of::any, "sqrt(" VAR_POP ") / sqrt(count($1))"},
    {"covar_pop", 2, Of::any, "CASE WHEN " PAIRS " > 0 THEN " MOMENT_XY " / (" PAIRS "::DOUBLE * " PAIRS ") END"},
    {"covar_samp", 2, Of::any,
     "CASE WHEN " PAIRS " > 1 THEN " MOMENT_XY " / (" PAIRS "::DOUBLE * (" PAIRS " - 1)) END"},
    {"corr", 2, Of::any,
     "CASE WHEN " MOMENT_XX " > 0 AND " MOMENT_YY " > 0 THEN " MOMENT_XY " / (sqrt(" MOMENT_XX ") * sqrt(" MOMENT_YY
     ")) WHEN " PAIRS " > 0 THEN 'NaN'::DOUBLE END"},
    {"regr_count", 2, Of::any, PAIRS "::UINTEGER"},
    {"regr_avgx", 2, Of::any, "exact_value(" SUM_X ") / " PAIRS},
    {"regr_avgy", 2, Of::any, "exact_value(" SUM_Y ") / " PAIRS},
    {"regr_sxx", 2, Of::any, MOMENT_XX " / " PAIRS},
    {"regr_syy", 2, Of::any, MOMENT_YY " / " PAIRS},
    {"regr_sxy", 2, Of::any, MOMENT_XY " / " PAIRS},
    {"regr_slope", 2, Of::any,
     "CASE WHEN " MOMENT_XX " > 0 THEN " MOMENT_XY " / " MOMENT_XX " WHEN " PAIRS " > 0 THEN 'NaN'::DOUBLE END"},
    {"regr_intercept", 2, Of::any,
     "CASE WHEN " MOMENT_XX " > 0 THEN exact_value(" SUM_Y ") / " PAIRS " - " MOMENT_XY " / " MOMENT_XX
     " * (exact_value(" SUM_X ") / " PAIRS ") END"},
    {"regr_r2", 2, Of::any,
     "CASE WHEN " MOMENT_XX " = 0 THEN NULL WHEN " MOMENT_YY " = 0 THEN 1.0::DOUBLE ELSE " MOMENT_XY " * " MOMENT_XY
     " / (" MOMENT_XX " * " MOMENT_YY ") END"},
    {"arg_min", 2, Of::any, "struct_extract(min({'o': $2, 'v': $1}) " BOTH ", 'v')"},
    {"argmin", 2, Of::any, "struct_extract(min({'o': $2, 'v': $1}) " BOTH ", 'v')"},
    {"min_by", 2, Of::any, "struct_extract(min({'o': $2, 'v': $1}) " BOTH ", 'v')"},
    {"arg_max", 2, Of::any, "struct_extract(max({'o': $2, 'v': $1}) " BOTH ", 'v')"},
    {"argmax", 2, Of::any, "struct_extract(max({'o': $2, 'v': $1}) " BOTH ", 'v')"},
    {"max_by", 2, Of::any, "struct_extract(max({'o': $2, 'v': $1}) " BOTH ", 'v')"},
    {"any_value", 1, Of::any, "min($1)"},
    {"arbitrary", 1, Of::any, "first($1 ORDER BY $1)"},
    {"sum_no_overflow", 1, Of::any, "sum($1)"},
    // Of equal values DuckDB gives rounding noise that depends on how they were added up, in whatever order.
    {"skewness", 1, Of::any,
     "CASE WHEN count($1) > 2 AND " EQUAL " THEN 'NaN'::DOUBLE ELSE skewness($1 ORDER BY $1) END"},
    {"kurtosis", 1, Of::any, "CASE WHEN NOT " EQUAL " THEN kurtosis($1 ORDER BY $1) END"},
    {"kurtosis_pop", 1, Of::any, "CASE WHEN NOT " EQUAL " THEN kurtosis_pop($1 ORDER BY $1) END"},
    {"product", 1, Of::any,
     "CASE WHEN " EQUAL " THEN pow(min($1::DOUBLE), count($1)) ELSE product($1 ORDER BY $1) END"},
});
#undef BOTH
#undef PAIRS
#undef SUM_Y
#undef SUM_X
#undef MOMENT_XY
#undef MOMENT_YY
#undef MOMENT_XX
#undef MOMENT
#undef VAR_SAMP
#undef VAR_POP
#undef EQUAL

// Their answer shows the order in which rows came; ordered by their own arguments it does not.
constexpr std::array order_shows = std::to_array<std::string_view>({"list",
                                                                    "array_agg",
                                                                    "string_agg",
                                                                    "group_concat",
                                                                    "listagg",
                                                                    "first",
                                                                    "any_value",
                                                                    "arbitrary",
                                                                    "last",
                                                                    "entropy",
                                                                    "mode",
                                                                    "arg_min",
                                                                    "arg_max",
                                                                    "argmin",
                                                                    "argmax",
                                                                    "min_by",
                                                                    "max_by",
                                                                    "arg_min_null",
                                                                    "arg_max_null",
                                                                    "arg_min_nulls_last",
                                                                    "arg_max_nulls_last",
                                                                    "approx_quantile",
                                                                    "approx_top_k",
                                                                    "mad"});

// The order of their rows never shows once they are stable: an ORDER BY inside says nothing.
constexpr std::array order_is_idle = std::to_array<std::string_view>({"sum",
                                                                      "avg",
                                                                      "mean",
                                                                      "fsum",
                                                                      "favg",
                                                                      "kahan_sum",
                                                                      "sumkahan",
                                                                      "count",
                                                                      "count_if",
                                                                      "countif",
                                                                      "min",
                                                                      "max",
                                                                      "bool_and",
                                                                      "bool_or",
                                                                      "bit_and",
                                                                      "bit_or",
                                                                      "bit_xor",
                                                                      "var_samp",
                                                                      "var_pop",
                                                                      "variance",
                                                                      "stddev",
                                                                      "sem",
                                                                      "median",
                                                                      "stddev_samp",
                                                                      "stddev_pop",
                                                                      "covar_pop",
                                                                      "corr",
                                                                      "covar_samp",
                                                                      "regr_count",
                                                                      "regr_avgx",
                                                                      "regr_r2",
                                                                      "regr_avgy",
                                                                      "regr_sxx",
                                                                      "regr_syy",
                                                                      "regr_sxy",
                                                                      "regr_slope",
                                                                      "regr_intercept",
                                                                      "product",
                                                                      "skewness",
                                                                      "kurtosis",
                                                                      "entropy",
                                                                      "kurtosis_pop",
                                                                      "mad",
                                                                      "approx_quantile",
                                                                      "histogram",
                                                                      "approx_top_k",
                                                                      "histogram_exact",
                                                                      "approx_count_distinct",
                                                                      "bitstring_agg"});

struct Macro {
    std::string_view name;
    std::size_t arguments;
    std::string_view form;
};

// What DuckDB offers as macros over aggregates, as it defines them.
constexpr std::array macros = std::to_array<Macro>({
    {"geomean", 1, "exp(avg(ln($1)))"},
    {"geometric_mean", 1, "exp(avg(ln($1)))"},
    {"weighted_avg", 2, "(sum($1 * $2) / sum(CASE WHEN $1 IS NOT NULL THEN $2 ELSE 0 END))"},
    {"json_group_array", 1,
     "CAST('[' || string_agg(CASE WHEN $1 IS NULL THEN 'null'::JSON ELSE to_json($1) END, ',') || ']' AS JSON)"},
    {"json_group_structure", 1,
     "(json_structure(CAST('[' || string_agg(CASE WHEN $1 IS NULL THEN 'null'::JSON ELSE to_json($1) END, ',') || ']' "
     "AS JSON)) -> 0)"},
    {"json_group_object", 2,
     "CAST('{' || string_agg(CASE WHEN $1 IS NULL THEN error('json_group_object key cannot be NULL') ELSE "
     "to_json($1::VARCHAR) END || ':' || CASE WHEN $2 IS NULL THEN 'null'::JSON ELSE to_json($2) END, ',') || '}' AS "
     "JSON)"},
});

struct Partial {
    std::string_view text, merge;
};
struct SumRule {
    std::string_view name;
    std::size_t arguments;
    std::array<Partial, 2> columns;
    std::string_view finish;
};

constexpr std::array sum_rules = std::to_array<SumRule>({
    {"count_star", 0, {{{"count(*)", "sum($1)"}}}, "coalesce($1, 0)::BIGINT"},
    {"count", 0, {{{"count(*)", "sum($1)"}}}, "coalesce($1, 0)::BIGINT"},
    {"count", 1, {{{"count($1)", "sum($1)"}}}, "coalesce($1, 0)::BIGINT"},
    {"count_if", 1, {{{"count_if($1)", "sum($1)"}}}, "$1"},
    {"countif", 1, {{{"count_if($1)", "sum($1)"}}}, "$1"},
    {"sum", 1, {{{"sum($1)", "sum($1)"}}}, "$1"},
    {"avg", 1, {{{"sum($1)", "sum($1)"}, {"count($1)", "sum($1)"}}}, "$1::DOUBLE / $2"},
    {"mean", 1, {{{"sum($1)", "sum($1)"}, {"count($1)", "sum($1)"}}}, "$1::DOUBLE / $2"},
    {"min", 1, {{{"min($1)", "min($1)"}}}, "$1"},
    {"max", 1, {{{"max($1)", "max($1)"}}}, "$1"},
    {"bool_and", 1, {{{"bool_and($1)", "bool_and($1)"}}}, "$1"},
    {"bool_or", 1, {{{"bool_or($1)", "bool_or($1)"}}}, "$1"},
    {"bit_and", 1, {{{"bit_and($1)", "bit_and($1)"}}}, "$1"},
    {"bit_or", 1, {{{"bit_or($1)", "bit_or($1)"}}}, "$1"},
    {"bit_xor", 1, {{{"bit_xor($1)", "bit_xor($1)"}}}, "$1"},
    {"exact_sum", 1, {{{"exact_sum($1)", "exact_merge($1)"}}}, "$1"},
    {"exact_product", 2, {{{"exact_product($1, $2)", "exact_merge($1)"}}}, "$1"},
    {"distinct_sketch", 1, {{{"distinct_sketch($1)", "distinct_sketch_merge($1)"}}}, "$1"},
    {"quantile_sketch", 1, {{{"quantile_sketch($1)", "quantile_sketch_merge($1)"}}}, "$1"},
});

// The same where rows can be taken back; the argument after the call's own is the row's weight. What is left of a sum
// without terms is NULL, so that its terms are counted too.
#define NET(sum, weight) sum " FILTER (WHERE " weight " > 0) - " sum " FILTER (WHERE " weight " < 0)"
#define NET0(sum, weight) \
    "coalesce(" sum " FILTER (WHERE " weight " > 0), 0) - coalesce(" sum " FILTER (WHERE " weight " < 0), 0)"
#define BOTH "count(CASE WHEN $1 IS NOT NULL AND $2 IS NOT NULL THEN 1 END)"
constexpr std::array weighted_rules = std::to_array<SumRule>({
    {"count_star", 0, {{{NET("count(*)", "$1"), "sum($1)"}}}, "coalesce($1, 0)::BIGINT"},
    {"count", 0, {{{NET("count(*)", "$1"), "sum($1)"}}}, "coalesce($1, 0)::BIGINT"},
    {"count", 1, {{{NET("count($1)", "$2"), "sum($1)"}}}, "coalesce($1, 0)::BIGINT"},
    {"count_if",
     1,
     {{{NET0("count_if($1)", "$2"), "sum($1)"}, {NET("count($1)", "$2"), "sum($1)"}}},
     "CASE WHEN $2 > 0 THEN $1 END"},
    {"countif",
     1,
     {{{NET0("count_if($1)", "$2"), "sum($1)"}, {NET("count($1)", "$2"), "sum($1)"}}},
     "CASE WHEN $2 > 0 THEN $1 END"},
    {"sum",
     1,
     {{{NET0("sum($1)", "$2"), "sum($1)"}, {NET("count($1)", "$2"), "sum($1)"}}},
     "CASE WHEN $2 > 0 THEN $1 END"},
    {"exact_sum",
     1,
     {{{"exact_minus(exact_sum($1) FILTER (WHERE $2 > 0), exact_sum($1) FILTER (WHERE $2 < 0))", "exact_merge($1)"},
       {NET("count($1)", "$2"), "sum($1)"}}},
     "CASE WHEN $2 > 0 THEN $1 END"},
    {"exact_product",
     2,
     {{{"exact_minus(exact_product($1, $2) FILTER (WHERE $3 > 0), exact_product($1, $2) FILTER (WHERE $3 < 0))",
        "exact_merge($1)"},
       {NET(BOTH, "$3"), "sum($1)"}}},
     "CASE WHEN $2 > 0 THEN $1 END"},
});
#undef NET
#undef NET0
#undef BOTH

std::string name_of(const Tree& call) { return lowered(text_of(call, "function_name")); }

bool has_order(const Tree& call) {
    const auto orders = call.find("order_bys");
    return orders != call.end() && orders->is_object() && orders->contains("orders") && !orders->at("orders").empty();
}

bool has_filter(const Tree& call) { return call.contains("filter") && call.at("filter").is_object(); }

bool is_distinct(const Tree& call) { return call.value("distinct", false); }

Of of_type(std::string_view type) {
    // The sum of UHUGEINT is a DOUBLE.
    if (type == "DOUBLE" || type == "FLOAT" || type == "UHUGEINT") return Of::real;
    if (type.starts_with("DECIMAL") || type.ends_with("INT") || type.ends_with("INTEGER") || type == "BOOLEAN")
        return Of::integer_or_decimal;
    return Of::neither;
}

// As DuckDB computes it: the sum as an integer, divided by the count times the power of ten.
std::string average_of_decimals(std::string_view type) {
    const auto comma = type.find(',');
    const auto scale = std::strtol(std::string(type.substr(comma + 1)).c_str(), nullptr, 10);
    return fmt::format("replace(sum($1)::VARCHAR, '.', '')::HUGEINT::DOUBLE / (count($1)::DOUBLE * 1e{}::DOUBLE)",
                       scale);
}

// Doubles beyond it do not fit into the type.
std::string limit_of(std::string_view type) {
    if (type == "BIGINT") return "9223372036854774784";
    if (type == "HUGEINT") return "170141183460469212842221372237303250944";
    if (!type.starts_with("DECIMAL(")) return "'infinity'";
    const auto comma = type.find(',');
    const auto width = std::strtol(std::string(type.substr(8, comma - 8)).c_str(), nullptr, 10);
    const auto scale = std::strtol(std::string(type.substr(comma + 1)).c_str(), nullptr, 10);
    return fmt::format("0.999999999999999e{}", width - scale);
}

std::vector<Tree> arguments_of(const Tree& call) {
    std::vector<Tree> arguments;
    if (call.contains("children"))
        for (const auto& child : call.at("children")) arguments.push_back(with_alias(child, ""));
    return arguments;
}

bool is_time(std::string_view type) { return type.starts_with("DATE") || type.starts_with("TIME"); }

// Each aggregate in `form` also gets the call's FILTER and DISTINCT.
Result<Tree> hand_down(Trees& trees, Tree form, const Tree& call) {
    for (auto* inner : aggregate_calls(form)) {
        if (has_filter(call)) {
            if (has_filter(*inner)) {
                WEIR_ASSIGN(auto both, trees.expression("($1 AND $2)", {(*inner)["filter"], call.at("filter")}));
                (*inner)["filter"] = std::move(both);
            } else {
                (*inner)["filter"] = call.at("filter");
            }
        }
        if (is_distinct(call)) (*inner)["distinct"] = true;
    }
    return form;
}

// Sketches of our own: DuckDB's depend on the order of rows, or on its version. Nothing: it is no call of that kind.
Result<std::optional<Tree>> sketched(Trees& trees, const Tree& call, const std::vector<std::string>& types) {
    const auto arguments = arguments_of(call);
    if (name_of(call) == "approx_count_distinct" && arguments.size() == 1) {
        const bool as_is = !types.empty() && is_sketched_as_is(types.front());
        WEIR_ASSIGN(auto form, trees.expression(fmt::format("coalesce(distinct_sketch_count(distinct_sketch({})), 0)",
                                                            as_is ? "$1" : "$1::VARCHAR"),
                                                arguments));
        return std::optional(std::move(form));
    }
    if (name_of(call) != "approx_quantile" || arguments.size() != 2 || types.empty()) return std::optional<Tree>{};
    if (is_time(types.front())) {
        trees.note(fmt::format("approx_quantile over {} is exact: an error relative to a date or time says nothing",
                               types.front()));
        WEIR_ASSIGN(auto form, trees.expression("quantile_disc($1, $2)", arguments));
        return std::optional(std::move(form));
    }
    WEIR_ASSIGN(auto question, trees.query("SELECT 1"));
    WEIR_ASSIGN(question["select_list"][0],
                trees.expression(fmt::format("approx_quantile(NULL::{}, $1)", types.front()), {arguments[1]}));
    WEIR_ASSIGN(const auto sql, trees.sql(question));
    const auto given = trees.connection().describe(sql);
    if (!given) return std::optional<Tree>{};
    const auto& type = given->at(0).type;
    const bool list = type.ends_with("[]");
    WEIR_ASSIGN(
        auto form,
        trees.expression(fmt::format("quantile_sketch_{}(quantile_sketch($1::DOUBLE), $2::DOUBLE{}, {}::DOUBLE)::{}",
                                     list ? "values" : "value", list ? "[]" : "",
                                     limit_of(list ? std::string_view(type).substr(0, type.size() - 2) : type), type),
                         arguments));
    return std::optional(std::move(form));
}

}  // namespace

bool is_aggregate(std::string_view function) {
    return std::find(aggregates.begin(), aggregates.end(), function) != aggregates.end();
}

bool has_aggregate(const Tree& expression) {
    bool found = false;
    each_part_here(expression, [&](const Tree& part) {
        found = found || (is_class(part, "FUNCTION") && is_aggregate(name_of(part)));
        return !found;
    });
    return found;
}

std::vector<Tree*> aggregate_calls(Tree& expression) {
    std::vector<Tree*> calls;
    each_part(expression, [&](Tree& part) {
        if (part.contains("cte_map")) return false;
        if (!is_class(part, "FUNCTION") || !is_aggregate(name_of(part))) return true;
        calls.push_back(&part);
        return false;
    });
    return calls;
}

bool depends_on_types(const Tree& call) {
    const auto name = name_of(call);
    return name == "approx_count_distinct" || name == "approx_quantile" ||
           std::any_of(stable_rules.begin(), stable_rules.end(),
                       [&](const StableRule& rule) { return rule.name == name && rule.of != Of::any; });
}

Result<std::optional<Tree>> without_macro(Trees& trees, const Tree& call) {
    const auto arguments = arguments_of(call);
    for (const auto& macro : macros) {
        if (macro.name != name_of(call) || macro.arguments != arguments.size()) continue;
        WEIR_ASSIGN(auto form, trees.expression(std::string(macro.form), arguments));
        return std::optional(with_alias(std::move(form), text_of(call, "alias")));
    }
    return std::optional<Tree>{};
}

namespace {

// DuckDB does not see that a query in ORDER BY is the same as the argument of DISTINCT: the distinct values become a
// list, sorted, then aggregated.
Result<Tree> over_sorted_list(Trees& trees, const Tree& call) {
    const auto name = name_of(call);
    const auto arguments = arguments_of(call);
    if (std::any_of(arguments.begin() + 1, arguments.end(), has_columns))
        return Error{
            .code = ErrorCode::refused,
            .message = fmt::format("{}(DISTINCT …) of a query and of other columns would show the order of rows", name),
            .hint = "make the query a column of a SELECT in FROM, and aggregate that column"};
    WEIR_ASSIGN(auto values, trees.expression("list($1)", {arguments[0]}));
    WEIR_ASSIGN(values, hand_down(trees, std::move(values), call));
    const std::string sorted = "list_sort($1, 'ASC', 'NULLS LAST')";
    // list_aggregate does not know approx_top_k. Distinct values are all as frequent.
    if (name == "approx_top_k") {
        WEIR_ASSIGN(auto known, trees.expression("($1 IS NOT NULL)", {arguments[0]}));
        if (has_filter(values)) {
            WEIR_ASSIGN(known, trees.expression("($1 AND $2)", {values.at("filter"), known}));
        }
        values["filter"] = std::move(known);
        return trees.expression(fmt::format("list_slice({}, 1, $2)", sorted), {values, arguments.at(1)});
    }
    std::string form = fmt::format("list_aggregate({}, '{}'", sorted, name);
    std::vector<Tree> given{std::move(values)};
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        form += fmt::format(", ${}", i + 1);
        given.push_back(arguments[i]);
    }
    form += ")";
    // Of no value at all it is 0 and not NULL.
    if (name == "entropy") form = fmt::format("coalesce({}, 0)", form);
    return trees.expression(form, given);
}

Result<Tree> in_stable_form(Trees& trees, const Tree& written, const std::vector<std::string>& types) {
    const auto name = name_of(written);
    auto call = written;
    // Distinct pairs have the same extremes.
    if ((name.starts_with("arg") || name.ends_with("_by")) && arguments_of(call).size() == 2) call["distinct"] = false;
    if (std::find(order_is_idle.begin(), order_is_idle.end(), name) != order_is_idle.end()) call["order_bys"] = nullptr;
    const auto arguments = arguments_of(call);
    const auto of = types.empty() ? Of::any : of_type(types.front());
    if (name == "mode" && arguments.empty() && has_order(call)) {  // WITHIN GROUP
        const auto& value = call.at("order_bys").at("orders").at(0).at("expression");
        WEIR_ASSIGN(auto form, trees.expression(has_columns(value) ? "mode($1 ORDER BY $1)" : "mode($1)", {value}));
        WEIR_ASSIGN(auto whole, hand_down(trees, std::move(form), call));
        return with_alias(std::move(whole), text_of(call, "alias"));
    }
    WEIR_ASSIGN(auto sketch, sketched(trees, call, types));
    if (sketch) {
        if (name == "approx_count_distinct") call["distinct"] = false;
        WEIR_ASSIGN(auto whole, hand_down(trees, std::move(*sketch), call));
        return with_alias(std::move(whole), text_of(call, "alias"));
    }
    if ((name == "avg" || name == "mean") && of == Of::integer_or_decimal && types.front().starts_with("DECIMAL") &&
        !has_order(call)) {
        WEIR_ASSIGN(auto form, trees.expression(average_of_decimals(types.front()), arguments));
        WEIR_ASSIGN(auto whole, hand_down(trees, std::move(form), call));
        whole["alias"] = text_of(call, "alias");
        return whole;
    }
    // The moments of distinct pairs need the pairs: left to DuckDB, in the order of the pairs.
    const bool distinct_pairs = is_distinct(call) && arguments.size() > 1;
    if (!has_order(call) && !distinct_pairs) {
        for (const auto& rule : stable_rules) {
            if (rule.name != name || rule.arguments != arguments.size()) continue;
            if (rule.of != Of::any && rule.of != of) continue;
            WEIR_ASSIGN(auto form, trees.expression(std::string(rule.form), arguments));
            WEIR_ASSIGN(auto whole, hand_down(trees, std::move(form), call));
            // DuckDB refuses to order by a literal.
            if (!arguments.empty() && !has_columns(arguments[0]))
                for (auto* inner : aggregate_calls(whole)) (*inner)["order_bys"] = nullptr;
            whole["alias"] = text_of(call, "alias");
            return whole;
        }
    }
    const bool of_pairs = std::any_of(stable_rules.begin(), stable_rules.end(),
                                      [&](const auto& rule) { return rule.name == name && rule.arguments == 2; });
    const bool shows = (distinct_pairs && (has_columns(arguments[1]) || of_pairs)) ||
                       std::find(order_shows.begin(), order_shows.end(), name) != order_shows.end();
    if (!shows || arguments.empty()) return call;
    auto ordered = call;
    if (!ordered.contains("order_bys") || !ordered["order_bys"].is_object())
        ordered["order_bys"] = {{"type", "ORDER_MODIFIER"}, {"orders", Tree::array()}};
    for (const auto& argument : arguments) {
        if (!has_columns(argument)) continue;
        ordered["order_bys"]["orders"].push_back(
            {{"type", "ORDER_DEFAULT"}, {"null_order", "ORDER_DEFAULT"}, {"expression", argument}});
    }
    return ordered;
}

}  // namespace

Result<Tree> stable(Trees& trees, const Tree& call, const std::vector<std::string>& types) {
    WEIR_ASSIGN(auto form, in_stable_form(trees, call, types));
    for (auto* inner : aggregate_calls(form)) {
        if (!is_distinct(*inner) || !has_order(*inner) || !has_query(inner->at("children"))) continue;
        WEIR_ASSIGN(auto listed, over_sorted_list(trees, *inner));
        *inner = with_alias(std::move(listed), text_of(*inner, "alias"));
    }
    return form;
}

Result<std::optional<Sums>> as_sums(Trees& trees, const Tree& call, const Tree* weight) {
    const auto name = name_of(call);
    if (has_order(call)) return std::optional<Sums>{};
    if (is_distinct(call) && name != "min" && name != "max") return std::optional<Sums>{};
    auto arguments = arguments_of(call);
    const auto count = arguments.size();
    if (weight != nullptr) arguments.push_back(*weight);
    const auto rules =
        weight != nullptr ? std::span<const SumRule>(weighted_rules) : std::span<const SumRule>(sum_rules);
    for (const auto& rule : rules) {
        if (rule.name != name || rule.arguments != count) continue;
        Sums sums{
            .columns = {}, .finish = std::string(rule.finish), .precision = std::string(precision_of_sketch(name))};
        for (const auto& column : rule.columns) {
            if (column.text.empty()) continue;
            WEIR_ASSIGN(auto partial, trees.expression(std::string(column.text), arguments));
            WEIR_ASSIGN(partial, hand_down(trees, std::move(partial), call));
            sums.columns.push_back({std::move(partial), std::string(column.merge)});
        }
        return std::optional(std::move(sums));
    }
    return std::optional<Sums>{};
}

bool is_plain_distinct(const Tree& call) {
    constexpr std::array names = std::to_array<std::string_view>({"count", "sum", "avg", "mean", "median"});
    return is_distinct(call) && !has_order(call) && arguments_of(call).size() == 1 &&
           std::find(names.begin(), names.end(), name_of(call)) != names.end();
}

}  // namespace weir::view

// How each aggregate is carried as a state. Two steps:
//
//   stable    sum(x) over DOUBLE -> exact_value(exact_sum(x)),  arg_max(a, b) -> max({o: b, v: a}).v,  list(x) ->
//   list(x
//             ORDER BY x): an equal answer for every order of the rows, and for every way to cut them.
//   as_sums   count(x) -> partial count(x), merged by sum(c), finished by coalesce(c, 0): one value per key.
//
// What is not in the second table is carried as its arguments (a set or multiset), and computed from them at the end.
#pragma once

#include "view/split/tree.h"

namespace weir::view {

// Any aggregate function of DuckDB or of ours, by its lower-case name. A test holds the list against DuckDB's own.
bool is_aggregate(std::string_view function);

// Whether the expression calls an aggregate of its own SELECT (not one of a query inside it, and no window function).
bool has_aggregate(const Tree& expression);
// The calls themselves, outermost first; aggregates do not nest.
std::vector<Tree*> aggregate_calls(Tree& expression);

// What a macro over aggregates stands for (geomean, weighted_avg, json_group_array); nothing: it is no macro.
Result<std::optional<Tree>> without_macro(Trees& trees, const Tree& call);

// Whether stable() has to know the types of the arguments.
bool depends_on_types(const Tree& call);

// The call rewritten so that the order of rows cannot show in its answer; `types` as DuckDB spells them.
// Ties: arg_min takes the smallest value, arg_max the greatest, any_value the smallest, mode the smallest; list,
// string_agg, first, last and the like are ordered by their argument where no order is given.
Result<Tree> stable(Trees& trees, const Tree& call, const std::vector<std::string>& types);

struct SumColumn {
    Tree partial;       // over events
    std::string merge;  // an aggregate over $1, the column
};
struct Sums {
    std::vector<SumColumn> columns;
    std::string finish;       // over $1, $2, …: the merged columns
    std::string precision{};  // of a sketch, for people; empty: it is exact
};
// Nothing: it needs its arguments. With a weight, 1 or -1, of each row, also where a row that is taken back cannot be
// told from the sum.
Result<std::optional<Sums>> as_sums(Trees& trees, const Tree& call, const Tree* weight = nullptr);

// Whether it ignores rows whose argument is NULL and counts each value once: such a call can share its state with sums.
bool is_plain_distinct(const Tree& call);

}  // namespace weir::view

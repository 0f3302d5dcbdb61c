// Events that can be taken back: each change of a table has a weight, and a row is there as often as its weights add up
// to. A view sees the rows that are left; a state is computed from the changes, by
//
//   partial  SELECT …, weir_weight FROM (changes, each as often as its weight says, with 1 or -1)
//   sums     sum(x) of what came minus sum(x) of what was taken back
//   values   each value with how often it is left
//
// so that partial(a + b) = merge(partial(a), partial(b)) holds as it does without weights.
#pragma once

#include "view/split/linear.h"

namespace weir::view {

// The column that carries the weight, 1 or -1, through a partial.
inline constexpr std::string_view weight_name = "weir_weight";

// The changes of a table, as partials read them; the table's own name stands for the rows that are left.
std::string changes_relation(std::string_view table);

// The rows that are left of changes.
std::string select_left(const Weights& weights, const std::string& changes);

// Whether events can be taken back.
bool has_weights(const Linear& linear, const SplitInput& input);

// Makes the relation behind FROM carry the weight; `partial` holds in its WITH what it reads. Fails with `refused`
// where that cannot be written.
Status weigh(Trees& trees, Tree& partial, const SplitInput& input);

}  // namespace weir::view

// One aggregating SELECT over events on its way to states.
#pragma once

#include "view/split/linear.h"

namespace weir::view {

struct TakenAggregation {
    std::vector<State> states;
    Tree finish;  // the SELECT over them
};

// Fails with `refused` and the reason where rows are needed. `number`: of the aggregation in the view, so that a query
// inside another one can name both.
Result<TakenAggregation> take_aggregation(Trees& trees, const Tree& select, const Scope& scope, const SplitInput& input,
                                          int number);

}  // namespace weir::view

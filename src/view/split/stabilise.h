// A query whose answer is the same to the bit however its rows come: ties are broken, floating sums are exact.
#pragma once

#include "view/split/linear.h"

namespace weir::view {

// now() means the interval's end, LIMIT and DISTINCT ON order by all output columns after what ORDER BY says,
// aggregates become stable() ones, an ASOF JOIN takes the first of equally near rows by their columns, PIVOT becomes
// GROUP BY. A query in the select list of another one that uses its columns is left as it is
// where its types cannot be told.
Status stabilise(Trees& trees, Tree& query);

}  // namespace weir::view

// Relations behind FROM whose rows DuckDB chooses or aggregates by itself, written as SELECTs.
//
//   a ASOF JOIN b ON a.k = b.k AND a.t >= b.t
//     a ASOF JOIN (SELECT * FROM b QUALIFY row_number() OVER (PARTITION BY b.k, b.t) = 1) b ON a.k = b.k AND a.t >= b.t
//   s PIVOT (sum(x) FOR y IN (1, 2) GROUP BY k)
//     (SELECT k, sum(x) FILTER (WHERE y = 1) AS "1", sum(x) FILTER (WHERE y = 2) AS "2" FROM s GROUP BY k)
#pragma once

#include "view/split/linear.h"

namespace weir::view {

// Of a SELECT node; what comes out is made stable as any other window and aggregate. Refuses an ASOF JOIN and a PIVOT
// that cannot be written like this.
Status write_out_relations(Trees& trees, Tree& select, const Scope& scope);

// Whether an expression can stand over the relations of a FROM.
bool binds_over(Trees& trees, const Tree& from, const Scope& scope, const Tree& expression);

}  // namespace weir::view

// Names of WITH that are told apart by name alone.
#pragma once

#include "view/split/tree.h"

namespace weir::view {

// Renames names of WITH that hide another: WITH orders AS (SELECT … FROM orders WHERE ok) SELECT … FROM orders. What
// reads them keeps the old name as its alias. Afterwards a name means the same wherever it can be seen.
void make_names_unique(Tree& query);

}  // namespace weir::view

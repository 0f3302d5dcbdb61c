// The columns that a source's table has in the lake: one answer for the writer, the checker and views.
#pragma once

#include "declare/project.h"

namespace weir::declare {

// Contract columns (without dropped ones; hashed ones as text), names from the path, year, month and day where the
// table is partitioned by them, then the intake's own columns.
Schema table_schema(const Source& source, const Contract& contract);

}  // namespace weir::declare

// The columns that a source's table has in the lake: one answer for the writer, the checker and views.
#pragma once

#include "declare/project.h"

namespace weir::declare {

// Contract columns (without dropped ones), the parts of the arrival day that the table is partitioned by (year, month
// and day, as zero-padded text), then the intake's own columns.
Schema table_schema(const Source& source, const Contract& contract);

// What views see of it: all of that; of a table whose rows can be taken back, only what makes a row: the contract's
// columns without the weight and without those that tell changes apart.
Schema view_schema(const Source& source, const Contract& contract);

}  // namespace weir::declare

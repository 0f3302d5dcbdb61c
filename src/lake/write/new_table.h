// What a schema must fulfil to be a Delta table's. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/schema.h"

namespace weir::lake {

// Fails with usage, naming the column.
Status check_new_table(const Schema& schema, const std::vector<std::string>& partition_columns);

}  // namespace weir::lake

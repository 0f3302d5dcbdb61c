// The values of states whose types the lake does not have, read back:
//
//   stored_hugeint(DECIMAL(38, 0)) -> HUGEINT   the same as CAST, which divides each value by 1
#pragma once

#include "sql/database.h"

namespace weir::view {

Status add_stored_types(sql::Connection& connection);

}  // namespace weir::view

// All SQL functions by which views keep states, for the databases that compute them.
#pragma once

#include "sql/database.h"

namespace weir::view {

Status add_own_functions(sql::Connection& connection);

}  // namespace weir::view

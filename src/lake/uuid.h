// Random (version 4) UUIDs for files, tables and transactions.
#pragma once

#include <string>

namespace weir::lake {

std::string new_uuid();

}  // namespace weir::lake

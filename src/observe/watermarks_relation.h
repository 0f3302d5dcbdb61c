// weir.watermarks as a relation in SQL.
#pragma once

#include <string>

#include "observe/watermarks.h"

namespace weir::observe {

Result<std::string> watermarks_relation(const lake::Lake& lake, sql::Connection& connection,
                                        const declare::Project& project, Time now);

}  // namespace weir::observe

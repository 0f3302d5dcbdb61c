// Which views can be computed side by side. Pure.
#pragma once

#include <vector>

#include "declare/project.h"

namespace weir::orchestrate {

// Views that read each other's results are one group, in the project's order; no group reads another's. The largest
// groups come first.
std::vector<std::vector<const declare::View*>> view_groups(const declare::Project& project);

}  // namespace weir::orchestrate

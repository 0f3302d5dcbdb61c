// A source's new files, landed.
#pragma once

#include <string>

#include "orchestrate/intake/checked_landing.h"
#include "orchestrate/intake/source_plan.h"

namespace weir::orchestrate {

// Takes in what is planned, or nothing of it; see checked_landing.h. An empty plan creates the table where it does not
// exist, and ends there.
Result<Taken> take_in(const Workplace& at, const SourcePlan& plan, const std::string& run_id);

}  // namespace weir::orchestrate

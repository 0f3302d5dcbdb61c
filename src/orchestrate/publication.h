// Publishing: after a run in which every view succeeded, all results are switched at once.
#pragma once

#include "orchestrate/intake/workplace.h"
#include "view/publication.h"

namespace weir::orchestrate {

// Publishes the newest version of every view's table, unless just these are published. Gives the publication that
// readers see from now on.
Result<view::Publication> publish_results(const Workplace& at, const std::string& run_id);

}  // namespace weir::orchestrate

// Publishing: after a run in which every view succeeded, all results are switched at once.
#pragma once

#include <set>
#include <string>

#include "orchestrate/intake/workplace.h"
#include "view/batch/pinned_tables.h"
#include "view/publication.h"

namespace weir::orchestrate {

// Publishes the newest version of the named views' tables, which must be up to date with what they rest on as `tables`
// has it; other views stay as they are published. Nothing is written where nothing changes. Gives the publication
// that readers see from now on.
Result<view::Publication> publish_results(const Workplace& at, view::PinnedTables& tables, const std::string& run_id,
                                          const std::set<std::string>& up_to_date);

}  // namespace weir::orchestrate

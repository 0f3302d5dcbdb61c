// weir.lineage, from the texts of the project's views.
#pragma once

#include "cli/project.h"

namespace weir::cli {

// Without a project the table has no rows. `opened` outlives the session.
void provide_lineage(view::Session& session, const Opened& opened);

}  // namespace weir::cli

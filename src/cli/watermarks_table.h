// weir.watermarks, from the lake as it is now.
#pragma once

#include "cli/project.h"

namespace weir::cli {

// Without a project (nullptr) the table has no rows; it outlives the session.
void provide_watermarks(view::Session& session, const std::filesystem::path& lake, const declare::Project* project);

}  // namespace weir::cli

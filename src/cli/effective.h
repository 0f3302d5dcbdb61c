// The configuration that is in effect: weir.yaml, its environment, --lake and --param together.
//
// Secrets are references in a project and are read only where they are used, so that none can stand here.
#pragma once

#include <string>

#include "declare/project.h"

namespace weir::cli {

std::string effective_text(const declare::Project& project);
std::string effective_json(const declare::Project& project);

}  // namespace weir::cli

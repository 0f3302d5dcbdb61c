// Who may read, read again while a project is in use.
#pragma once

#include "base/result.h"
#include "declare/project.h"

namespace weir::declare {

// What serve.yaml says now about who may read, with the parameters of the project; the first problem of that file.
// Not looked at: whether rules for rows fit the views.
Result<ServeAccess> load_access(const Project& project);

}  // namespace weir::declare

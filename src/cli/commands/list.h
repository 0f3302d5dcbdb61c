// The commands, each declared beside its code.
#pragma once

#include "cli/command.h"

namespace weir::cli {

Command check_command();
Command sql_command();
Command version_command();
Command doctor_command();
Command completion_command();
Command complete_command();
Command docs_command();

}  // namespace weir::cli

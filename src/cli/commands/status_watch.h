// weir status --watch: where everything stands, every second, until told to stop.
#pragma once

#include "cli/run_place.h"
#include "cli/terminal.h"

namespace weir::cli {

// On a terminal the screen is written over; elsewhere one look follows the other, with --json a line each.
Result<int> watch_status(RunPlace& place, Terminal& terminal);

}  // namespace weir::cli

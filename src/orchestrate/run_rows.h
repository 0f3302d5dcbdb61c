// Steps of the ledger as rows of weir.runs.
#pragma once

#include <span>
#include <string>

#include "orchestrate/ledger.h"

namespace weir::orchestrate {

// For INSERT; empty: none.
std::string run_rows(std::span<const Step> steps);

}  // namespace weir::orchestrate

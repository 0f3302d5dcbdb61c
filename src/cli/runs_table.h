// weir.runs, from the ledger.
#pragma once

#include <filesystem>

#include "view/session.h"

namespace weir::cli {

void provide_runs(view::Session& session, const std::filesystem::path& lake);

}  // namespace weir::cli

// weir.runs, from the ledger.
#pragma once

#include <filesystem>

#include "view/session.h"

namespace weir::cli {

// Its newest steps as a relation in SQL, newest first.
Result<std::string> runs_relation(const std::filesystem::path& lake);

void provide_runs(view::Session& session, const std::filesystem::path& lake);

}  // namespace weir::cli

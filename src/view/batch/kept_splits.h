// The splits of a project's views, kept as a file below the lake: to split views again takes longer than most runs.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"
#include "view/split/split.h"

namespace weir::view {

using Splits = std::map<std::string, Split>;  // by view

// What was kept for this fingerprint: of everything that decides a split. Empty where nothing was, or not for this one,
// or the file is damaged: then they are made again.
Splits read_kept_splits(const std::filesystem::path& file, const std::string& fingerprint);

Status keep_splits(const std::filesystem::path& file, const std::string& fingerprint, const Splits& splits);

}  // namespace weir::view

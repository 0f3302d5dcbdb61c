// Many small files → few large ones with the same rows.
#pragma once

#include <cstdint>
#include <string>

#include "lake/table.h"

namespace weir::lake {

struct OptimizeOptions {
    std::int64_t target_bytes = std::int64_t{128} << 20;
    int attempts_max = 3;
};

struct OptimizeResult {
    std::optional<TableVersion> version{};  // nothing: there was nothing to do, or it gave up
    std::size_t files_removed = 0;
    std::size_t files_added = 0;
    std::int64_t bytes_removed = 0;
    std::int64_t bytes_added = 0;
    std::int64_t rows = 0;
    int attempts = 0;
    // Set where other writers removed the same files each time: nothing was changed, and trying again later is fine.
    std::string gave_up_because{};
};

// Works on a snapshot beside running writers. Appends and overwrites of others are never made to fail by it; where they
// remove files that it rewrites, it starts again. Files with deletion vectors are rewritten without the deleted rows.
Result<OptimizeResult> optimize(const Table& table, const OptimizeOptions& options = {});

// Which files to merge into one: per partition, neighbours whose sizes add up to the target. Pure; indexes into
// `files`.
std::vector<std::vector<std::size_t>> plan_compaction(const std::vector<AddFile>& files, std::int64_t target_bytes);

}  // namespace weir::lake

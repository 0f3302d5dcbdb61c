// Reads a checkpoint (classic, multi-part, V2 with sidecars) column by column through DuckDB.
#pragma once

#include <functional>

#include "base/result.h"
#include "lake/log/actions.h"
#include "lake/log/segment.h"
#include "lake/store/object_store.h"
#include "sql/database.h"

namespace weir::lake {

// Hands every action to `take`; the error names the file.
Status read_checkpoint(ObjectStore& store, sql::Database& database, const CheckpointFiles& files,
                       const std::function<void(Action)>& take);

// The columns of a checkpoint that we read and write, as DuckDB types.
struct CheckpointColumn {
    std::string_view name;
    std::string_view type;
};
std::span<const CheckpointColumn> checkpoint_columns();

}  // namespace weir::lake

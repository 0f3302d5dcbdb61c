// Checkpoints: the state of one version in one Parquet file, so that readers need not replay the log.
#pragma once

#include "lake/table.h"

namespace weir::lake {

// Whether a commit of this version asks for a checkpoint (see checkpoint_interval).
bool wants_checkpoint(TableVersion version, const Metadata& metadata);

// How many commits lie between two checkpoints: delta.checkpointInterval, or limits::checkpoint_interval; nothing: the
// table's checkpoints are not ours to write.
std::optional<std::int64_t> checkpoint_interval(const Metadata& metadata);

struct CheckpointResult {
    TableVersion version;
    std::int64_t actions = 0;
    std::int64_t bytes = 0;
};
// Writes the classic checkpoint of this version and _last_checkpoint. Writing one that exists gives the same content
// again. Removed files are kept in it as long as vacuum needs them.
Result<CheckpointResult> write_checkpoint(const Table& table, TableVersion version);
// The newest version's.
Result<CheckpointResult> write_checkpoint(const Table& table);

// The newest version's, where as many commits as lie between two came after the last one; nothing: they have not. For
// tables whose transactions leave their checkpoints to somebody else (Transaction::set_checkpointing).
Result<std::optional<CheckpointResult>> write_due_checkpoint(const Table& table);

// How long removed files stay readable (delta.deletedFileRetentionDuration), in milliseconds.
std::int64_t deleted_file_retention_ms(const Metadata& metadata);

}  // namespace weir::lake

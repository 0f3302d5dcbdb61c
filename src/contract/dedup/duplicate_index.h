// "Has this key been here before?", exactly, for any number of keys in bounded memory.
//
// Keys live as 128-bit hashes in sorted run files (run_file.h), each for a range of the table's commits. The lake is
// the truth; the index is derived from it and may be thrown away at any time.
//
//   add(keys, N)  ──►  .building-*  ──rename──►  keys-<first>-<N>.run  ──►  inputs of the merge removed
//
// (1) A run has its name only when it is whole and synced. (2) Inputs are removed only after the merged run is durable;
// a crash between leaves both, and select_chain() keeps the wider. (3) A damaged or missing run ends the chain before
// it: covers() falls back, and the caller adds the later commits again, or rebuilds.
//
// One writer at a time (orchestrate/intake/landing_turn.h); files of one table only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "contract/dedup/hash128.h"
#include "contract/dedup/run_file.h"

namespace weir::contract {

struct DuplicateIndexOptions {
    // What the keys are hashes of: the table's id, the key columns, the way they are hashed. Runs that were written
    // under another identity are not used.
    std::string identity;
    // A crash of the machine may cost unsynced runs, and with them a rebuild; never a wrong answer.
    bool sync = true;
    // Memory for sorting while the index is rebuilt.
    std::size_t rebuild_bytes = std::size_t{64} << 20;
};

class DuplicateIndex {
public:
    // Opens what is in `directory`, which is created if it is not there. Leftovers of a crash are removed.
    static Result<DuplicateIndex> open(const fs::path& directory, DuplicateIndexOptions options);

    // Every key of the table's commits up to this one is here; nothing: the index is empty.
    std::optional<std::int64_t> covers() const;
    // What was found wrong when opening: each is a run that no longer counts.
    const std::vector<Error>& damage() const { return damage_; }
    std::uint64_t keys() const;
    std::size_t runs() const { return runs_.size(); }

    // For each of the ascending `sorted` hashes 1 if it came before on `oldest_day` or later, else 0. Equal hashes
    // within the batch are the caller's to see. Fails with table_damaged if a page that was touched is damaged: call
    // rebuild() then.
    Result<std::vector<std::uint8_t>> probe(std::span<const Hash128> sorted,
                                            std::int32_t oldest_day = no_horizon) const;

    // Takes the keys, ascending by hash, of the commits after covers() up to `upto_version`; a version that is covered
    // already changes nothing. Entries before `oldest_day` are dropped as far as files are merged anyway.
    Status add(std::span<const KeyEntry> sorted, std::int64_t upto_version, std::int32_t oldest_day = no_horizon);

    // Replaces everything. `stream` hands every key of commits 0 to `upto_version` to `take`, in any order and in
    // pieces of any size; it may stop with an error, which leaves the index as it was.
    using Take = std::function<Status(std::span<const KeyEntry>)>;
    Status rebuild(std::int64_t upto_version, const std::function<Status(const Take&)>& stream,
                   std::int32_t oldest_day = no_horizon);

    // Forgets everything, for a table whose past was changed (restore).
    Status clear();

private:
    DuplicateIndex() = default;
    Status publish(const fs::path& built, RunRange range);
    Status remove(const std::vector<RunRange>& ranges);

    fs::path directory_;
    DuplicateIndexOptions options_;
    std::uint64_t identity_ = 0;
    std::vector<RunFile> runs_;  // oldest first
    std::vector<Error> damage_;
};

// Writes the entries of `inputs`, merged and without those before `oldest_day`, to a new run at `path`.
Status merge_runs(std::span<const RunFile> inputs, std::span<const KeyEntry> newest, const fs::path& path,
                  RunRange range, std::uint64_t identity, std::int32_t oldest_day, bool sync);

}  // namespace weir::contract

// Duplicates of one table: the index of all keys that ever landed, kept in step with the table's commits.
#pragma once

#include <span>
#include <vector>

#include "contract/dedup/duplicate_index.h"
#include "model/interval.h"
#include "orchestrate/intake/workplace.h"

namespace weir::orchestrate {

class SeenKeys {
public:
    // Opens the index of a table and adds what landed since it was last written; an index that is lost, damaged or of
    // another key is rebuilt from the lake.
    static Result<SeenKeys> open(const Workplace& at, const lake::Table& table, const lake::Snapshot& snapshot,
                                 const declare::Contract& contract, Day today);

    // For each of the ascending hashes 1 if its key landed before, within the contract's horizon, else 0. Several
    // threads may ask at once.
    Result<std::vector<std::uint8_t>> probe(std::span<const contract::Hash128> sorted) const {
        return index_.probe(sorted, oldest_day_);
    }

    // These keys, ascending, are in the table's commit `version` now.
    Status add(std::span<const contract::KeyEntry> landed, std::int64_t version) {
        return index_.add(landed, version, oldest_day_);
    }

private:
    SeenKeys(contract::DuplicateIndex index, std::int32_t oldest_day)
        : index_(std::move(index)), oldest_day_(oldest_day) {}
    contract::DuplicateIndex index_;
    std::int32_t oldest_day_;
};

}  // namespace weir::orchestrate

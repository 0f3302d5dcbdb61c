// Duplicates of one table: the index of all keys that ever landed, kept in step with the table's commits.
#pragma once

#include <optional>
#include <string>

#include "contract/dedup/duplicate_index.h"
#include "model/interval.h"
#include "orchestrate/intake/workplace.h"

namespace weir::orchestrate {

inline constexpr const char* seen_table = "weir_seen";

class SeenKeys {
public:
    // Opens the index of a table and adds what landed since it was last written; an index that is lost, damaged or of
    // another key is rebuilt from the lake.
    static Result<SeenKeys> open(const Workplace& at, const lake::Table& table, const lake::Snapshot& snapshot,
                                 const declare::Contract& contract, Day today);

    // `candidates` is a table with a column k UHUGEINT, each key once. Removes the rows whose key landed before, within
    // the contract's horizon; these keys are in the temporary table seen_table (k) then.
    Status remove_seen(sql::Connection& connection, const std::string& candidates) const;

    // The rows of `landed` (k, day) are in the table's commit `version` now.
    Status add(sql::Connection& connection, const std::string& landed, std::int64_t version);

private:
    SeenKeys(contract::DuplicateIndex index, std::int32_t oldest_day)
        : index_(std::move(index)), oldest_day_(oldest_day) {}
    contract::DuplicateIndex index_;
    std::int32_t oldest_day_;
};

}  // namespace weir::orchestrate

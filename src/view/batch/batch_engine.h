// What computes the heavy part of the batch layer: partial over the rows of event tables, and merge. It stages files in
// a transaction of the state's table; which rows are new, what is committed and when is the state store's
// (state_store.h).
#pragma once

#include <string>

#include "lake/lake.h"
#include "view/batch/state_inputs.h"
#include "view/batch/state_layout.h"
#include "view/split/split.h"

namespace weir::view {

// Several threads may ask for the states of different views.
class BatchEngine {
public:
    virtual ~BatchEngine() = default;

    virtual Result<StateLayout> layout(const State& state) = 0;

    // Stages, in the state's layout, what partial gives for the new rows of the state's event tables, each arrival day
    // apart where `by_day`. Gives the number of state rows.
    virtual Result<std::int64_t> stage_partial(const State& state, const StateLayout& layout, const StateInputs& inputs,
                                               bool by_day, lake::Transaction& transaction) = 0;

    // Stages what merge gives for all rows of the state in `snapshot`, in place of its files; each arrival day apart
    // where `by_day`. False: that would leave as many files as there are, and nothing is staged.
    virtual Result<bool> stage_merged(const State& state, const StateLayout& layout, const lake::Snapshot& snapshot,
                                      bool by_day, lake::Transaction& transaction) = 0;
};

}  // namespace weir::view

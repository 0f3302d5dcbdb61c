// Where the states of views are read from: the lake (state_store.h), or the lake and memory (speed/live_states.h).
#pragma once

#include <optional>
#include <string>

#include "model/interval.h"
#include "sql/database.h"
#include "view/batch/refresh.h"
#include "view/split/split.h"

namespace weir::view {

struct CatchUp {
    enum class What { nothing_new, added, built, built_again } what = What::nothing_new;
    std::string why;        // with built_again
    std::int64_t rows = 0;  // of the state that were added
};

class StateReader {
public:
    virtual ~StateReader() = default;

    // Takes in what the event tables have that the state does not; `by_day`: rows of different arrival days are kept
    // apart, for views that keep every interval.
    virtual Result<CatchUp> catch_up(const State& state, bool by_day) = 0;

    // Makes the state readable under its name on a connection, as of the interval's end. Nothing: it also holds later
    // days that cannot be told apart.
    virtual Result<std::optional<Source>> open(sql::Connection& connection, const State& state,
                                               const Interval& interval) = 0;
};

}  // namespace weir::view

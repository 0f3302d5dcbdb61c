// Which days of which view have to be computed, and why. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "declare/project.h"
#include "model/interval.h"

namespace weir::orchestrate {

// Names everything that a result depends on: "<hash of the text>:<hash of the inputs>", and ":<restores>" once there
// was one. Equal fingerprints, equal results.
struct Fingerprint {
    std::string text;           // the view's SQL, the macros, the parameters, and those of the views that it reads
    std::string inputs;         // the data files of the tables that it reads, cut at the interval's end
    std::int64_t restores = 0;  // of the result's table
};
std::string to_string(const Fingerprint& fingerprint);

enum class Due { up_to_date, never_computed, text_changed, inputs_changed, restored };
std::string_view to_string(Due due);

// What a result that was computed under `known` (empty: none was) is under `now`.
Due judge_result(std::string_view known, const Fingerprint& now);

// The days for which a view has a result, in order.
//   every_interval: each requested day, else each day with data or an earlier result.
//   latest:         one day: the last of those.
// Without any data and any request: `fallback`, so that a first run over empty input gives an empty result and not
// none.
std::vector<Day> result_days(declare::View::Keep keep, const std::optional<Interval>& requested,
                             const std::set<Day>& days_with_data, const std::set<Day>& days_with_result, Day fallback);

}  // namespace weir::orchestrate

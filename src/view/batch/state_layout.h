// How a state lies in its Delta table: arrival_day, then the state's columns in types that Delta has.
#pragma once

#include <string>

#include "lake/lake.h"
#include "view/split/split.h"

namespace weir::view {

// The day on which the events of a row arrived; the last one, where days are not apart.
inline constexpr std::string_view state_day_column = "arrival_day";
inline constexpr std::string_view state_folder = "weir/";
// Table property: whether rows of different arrival days are apart.
inline constexpr std::string_view by_day_property = "weir.by_day";

bool is_by_day(const lake::Snapshot& state);

Result<lake::Table> state_table(const lake::Lake& lake, const State& state);

struct StateLayout {
    Schema schema;
    std::string to_lake;    // column list over the partial's columns
    std::string from_lake;  // column list over the table's columns
};
Result<StateLayout> layout_of(sql::Connection& connection, const State& state);

// The rows of a state's partial as they lie, for events that arrived by a day.
std::string select_partial(const State& state, const StateLayout& layout, const std::string& day);

}  // namespace weir::view

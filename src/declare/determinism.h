// Functions whose answer is not decided by their arguments, and functions behind FROM that a view may use.
#pragma once

#include <string_view>

namespace weir::declare {

// What to write instead, or empty if the function is deterministic.
std::string_view way_out_of_nondeterminism(std::string_view function);

// current_date, user and the like: functions that are written without parentheses, as a column is.
bool is_written_as_column(std::string_view function);

// What a function of the current time stands for in a view, as SQL: the end of the interval. Empty for other functions.
std::string_view time_in_view(std::string_view function);
// The same in an alert: the moment at which it is looked at, by the macro alert_moment(), a TIMESTAMPTZ.
std::string_view time_in_alert(std::string_view function);

// range, unnest and the like: they read nothing but their arguments.
bool is_pure_table_function(std::string_view function);

}  // namespace weir::declare

// Names inside a path, such as events/{year}/{month}/{day}/u{user_id:int}.csv: which columns they yield.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "declare/problems.h"
#include "model/schema.h"

namespace weir::declare {

// The columns that a template yields besides the arrival date, in its order: {name} is text, {name:int} a whole number,
// {name:date} a day.
std::vector<Field> path_columns(std::string_view files);

// Whether {year}, {month} and {day}, or {date}, stand in it.
bool has_arrival_date(std::string_view files);

// Reports unbalanced braces, names that are no names, unknown types and names that stand twice.
void check_path_template(std::string_view files, const Where& where, Problems& problems);

}  // namespace weir::declare

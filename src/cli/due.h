// What a plan says, as JSON and for people.
#pragma once

#include <nlohmann/json.hpp>

#include "cli/terminal.h"
#include "orchestrate/run.h"

namespace weir::cli {

// {"sources": […], "views": […]}, up-to-date ones included.
nlohmann::json to_json_value(const orchestrate::Plan& plan);

// One line for each source with something to take, and for each view with results to compute; a sentence if there is
// none.
Status print_due(const orchestrate::Plan& plan, Terminal& terminal);

// "2024-03-01", "3 days, 2024-03-01 to 2024-03-03"; empty for none.
std::string days_text(const std::set<Day>& days);

}  // namespace weir::cli

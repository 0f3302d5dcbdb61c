// Parameters: their values from the command line, the environment or the default; checked, typed, filled in.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "declare/problems.h"
#include "declare/project.h"

namespace weir::declare {

// The value in the form in which it is kept (a path becomes absolute, relative to `base`), or nothing after reporting.
// An empty value of a date, an integer or a number means "not given".
std::optional<std::string> check_param(const Param& param, const std::string& value, const std::filesystem::path& base,
                                       const Where& where, Problems& problems);

// Replaces each ${param:NAME} in a text that is not SQL. Reports unknown names and other ${…}; nothing then.
std::optional<std::string> fill_params(std::string_view text, const std::map<std::string, std::string>& values,
                                       const Where& where, Problems& problems);

// The value as a SQL literal of its type: 'it''s', DATE '2024-03-01', 30, NULL::BIGINT. It never holds a line break.
std::string sql_literal(const Param& param, const std::string& value);

}  // namespace weir::declare

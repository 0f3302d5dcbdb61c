// Texts of a request as values of a column's type: exactly, or not at all.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/schema.h"

namespace weir::serve {

// A SQL literal of the type: "'3'::BIGINT". Nothing where the text is no such value, or the type has no text form
// here (binary, nested).
std::optional<std::string> sql_literal(const Type& type, std::string_view text);
// The one spelling that all texts of the same value share, as key_expression() has it. Nothing as above.
std::optional<std::string> key_text(const Type& type, std::string_view text);
// SQL that gives that spelling of a column.
std::string key_expression(const Type& type, const std::string& column);
// How such a value is written, for messages: "2024-03-01T10:00:00Z".
std::string_view example_of(const Type& type);

}  // namespace weir::serve

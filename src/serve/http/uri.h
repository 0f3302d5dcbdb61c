// Percent-encoding and the parts of a query string.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::serve::http {

// Nothing where an escape is malformed, or the result is no UTF-8 or holds a NUL. `plus_is_blank`: in query strings.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank);
// Everything but unreserved characters as %XX.
std::string percent_encoded(std::string_view text);

struct Parameter {
    std::string name, value;
};
// name=value pairs between '&', in their order; nothing where one is malformed.
std::optional<std::vector<Parameter>> query_parameters(std::string_view query);

// "/views/a%20b/" → {"views", "a b", ""}; nothing where an escape is malformed or hides a slash or a dot segment.
std::optional<std::vector<std::string>> path_segments(std::string_view path);

bool is_utf8(std::string_view text);

}  // namespace weir::serve::http

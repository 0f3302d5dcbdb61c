// A system table that is not stored, as a relation in SQL.
#pragma once

#include <string>
#include <string_view>

namespace weir::observe {

// "(SELECT …)" with the table's columns and types. `rows`: "(…), (…)", as for INSERT; empty: there are none.
std::string system_relation(std::string_view table, const std::string& rows);

}  // namespace weir::observe

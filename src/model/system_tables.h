// The tables that weir keeps about itself, as `weir.<name>` in SQL. One list: the writer, `weir check`, and the manual
// read it.
#pragma once

#include <span>
#include <string_view>

#include "model/schema.h"

namespace weir {

struct SystemTable {
    std::string_view name;  // without "weir."
    std::string_view summary;
    bool stored;  // a Delta table at <lake>/weir/<name>; false: computed when it is read
    Schema schema;
    std::vector<std::string_view> column_help;  // one sentence a column
};

std::span<const SystemTable> system_tables();
const SystemTable& system_table(std::string_view name);

}  // namespace weir

// What a view of the learning project must give, as plain SQL over whole tables.
#pragma once

#include <string_view>
#include <vector>

namespace weir::test {

struct Definition {
    std::string_view name, sql, order;
};

// The live views; their SQL reads the relations of the others and those made by `live_relations`.
const std::vector<Definition>& live_definitions();
extern const char* const live_relations;

}  // namespace weir::test

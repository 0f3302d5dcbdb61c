// The first row in which what came out is not what was expected.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace weir::orchestrate::trial {

using Cell = std::optional<std::string>;  // nothing: NULL
using Row = std::vector<Cell>;

struct RowDifference {
    std::optional<std::size_t> expected, actual;  // which row of either; nothing: there is no such row
    std::optional<std::size_t> column;            // the first that differs, where there are both
};

// Nothing: equal. Without order the rows are a multiset, and a row that is missing is shown beside the surplus row
// that is most like it, if any value is the same or no other is left.
std::optional<RowDifference> compare(const std::vector<Row>& expected, const std::vector<Row>& actual, bool ordered);

}  // namespace weir::orchestrate::trial

#include "orchestrate/trial/compare.h"

#include <algorithm>
#include <map>

namespace weir::orchestrate::trial {
namespace {

std::optional<std::size_t> first_other(const Row& a, const Row& b) {
    for (std::size_t i = 0; i < a.size(); ++i)
        if (a[i] != b[i]) return i;
    return std::nullopt;
}

std::size_t alike(const Row& a, const Row& b) {
    std::size_t same = 0;
    for (std::size_t i = 0; i < a.size(); ++i) same += a[i] == b[i];
    return same;
}

std::optional<RowDifference> compare_ordered(const std::vector<Row>& expected, const std::vector<Row>& actual) {
    for (std::size_t i = 0; i < std::max(expected.size(), actual.size()); ++i) {
        if (i >= expected.size()) return RowDifference{std::nullopt, i, std::nullopt};
        if (i >= actual.size()) return RowDifference{i, std::nullopt, std::nullopt};
        if (const auto column = first_other(expected[i], actual[i])) return RowDifference{i, i, column};
    }
    return std::nullopt;
}

}  // namespace

std::optional<RowDifference> compare(const std::vector<Row>& expected, const std::vector<Row>& actual, bool ordered) {
    if (ordered) return compare_ordered(expected, actual);
    std::map<Row, std::size_t> wanted;
    for (const auto& row : expected) ++wanted[row];
    std::vector<std::size_t> surplus;
    for (std::size_t i = 0; i < actual.size(); ++i) {
        const auto found = wanted.find(actual[i]);
        if (found == wanted.end() || found->second == 0)
            surplus.push_back(i);
        else
            --found->second;
    }
    std::optional<std::size_t> missing;
    for (std::size_t i = 0; i < expected.size() && !missing; ++i)
        if (wanted[expected[i]] > 0) missing = i;
    if (!missing && surplus.empty()) return std::nullopt;
    if (!missing) return RowDifference{std::nullopt, surplus.front(), std::nullopt};
    const auto& row = expected[*missing];
    const auto best = std::max_element(surplus.begin(), surplus.end(), [&](std::size_t a, std::size_t b) {
        return alike(row, actual[a]) < alike(row, actual[b]);
    });
    if (best == surplus.end() || (alike(row, actual[*best]) == 0 && surplus.size() > 1))
        return RowDifference{missing, std::nullopt, std::nullopt};
    return RowDifference{missing, *best, first_other(row, actual[*best])};
}

}  // namespace weir::orchestrate::trial

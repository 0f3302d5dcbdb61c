// Which run files count, and which are merged: pure decisions over their names and sizes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::contract {

// A run holds the keys of the table's commits first..last, both included.
struct RunRange {
    std::int64_t first = 0;
    std::int64_t last = 0;
    friend constexpr auto operator<=>(const RunRange&, const RunRange&) = default;
};

// "keys-000000000000-000000000012.run", and back.
std::string run_name(RunRange range);
std::optional<RunRange> parse_run_name(std::string_view name);

struct Chain {
    std::vector<RunRange> live;      // adjoining, from commit 0 upwards
    std::vector<RunRange> obsolete;  // merged into a live one, or behind a gap
};

// A crash may leave the inputs of a merge beside its output, and a lost file leaves a gap: the widest runs that adjoin
// each other from commit 0 upwards count, nothing else does.
Chain select_chain(std::vector<RunRange> found);

// How many of the newest runs, whose key counts are given oldest first, are merged with a new one of `added` keys.
// Every run stays larger than all newer ones together, so their number is logarithmic in the number of keys.
std::size_t runs_to_merge(std::span<const std::uint64_t> counts, std::uint64_t added);

}  // namespace weir::contract

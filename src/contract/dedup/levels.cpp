#include "contract/dedup/levels.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace weir::contract {
namespace {

// Rewriting this many keys costs less than the file that a run of its own would be (80 KB against an fsync).
constexpr std::uint64_t small_run_keys = 4096;
constexpr std::string_view prefix = "keys-";
constexpr std::string_view suffix = ".run";

bool take_number(std::string_view text, std::int64_t& number) {
    if (text.empty() || text.front() == '-') return false;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::string run_name(RunRange range) { return fmt::format("keys-{:012}-{:012}.run", range.first, range.last); }

std::optional<RunRange> parse_run_name(std::string_view name) {
    if (!name.starts_with(prefix) || !name.ends_with(suffix) || name.size() < prefix.size() + suffix.size()) return {};
    const auto numbers = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
    const auto dash = numbers.find('-');
    RunRange range;
    if (dash == std::string_view::npos || !take_number(numbers.substr(0, dash), range.first) ||
        !take_number(numbers.substr(dash + 1), range.last) || range.first > range.last || run_name(range) != name) {
        return {};
    }
    return range;
}

Chain select_chain(std::vector<RunRange> found) {
    // At each start the widest comes first.
    std::ranges::sort(found, [](const RunRange& a, const RunRange& b) {
        return a.first != b.first ? a.first < b.first : a.last > b.last;
    });
    Chain chain;
    std::int64_t next = 0;
    for (const RunRange& range : found) {
        if (range.first == next) {
            chain.live.push_back(range);
            next = range.last + 1;
        } else {
            chain.obsolete.push_back(range);
        }
    }
    return chain;
}

std::size_t runs_to_merge(std::span<const std::uint64_t> counts, std::uint64_t added) {
    std::size_t merged = 0;
    std::uint64_t total = added;
    while (merged < counts.size() && counts[counts.size() - 1 - merged] <= std::max(total, small_run_keys)) {
        total += counts[counts.size() - 1 - merged];
        ++merged;
    }
    return merged;
}

}  // namespace weir::contract

#include "orchestrate/trial/cuts.h"

#include <fmt/format.h>

#include <numeric>
#include <random>
#include <set>

namespace weir::orchestrate::trial {
namespace {

// All of 1 … total - 1, or a sample of them, ascending.
std::set<std::size_t> cut_points(std::size_t total, std::uint64_t seed) {
    std::set<std::size_t> points;
    if (total <= all_cuts_up_to) {
        for (std::size_t point = 1; point < total; ++point) points.insert(point);
        return points;
    }
    // Without a distribution of the library: the same on every machine.
    std::mt19937_64 random(seed);
    while (points.size() + 1 < all_cuts_up_to) points.insert(1 + random() % (total - 1));
    return points;
}

}  // namespace

Ways ways(const std::vector<std::size_t>& arrival_ends, declare::TestCase::Runs runs, std::uint64_t seed) {
    if (arrival_ends.empty()) return {};
    const auto total = arrival_ends.back();
    if (runs == declare::TestCase::Runs::each) return {.ways = {{arrival_ends, "each arrival in its own run"}}};
    Ways result{.ways = {{{total}, "in one go"}}};
    if (runs == declare::TestCase::Runs::once) return result;
    const auto points = cut_points(total, seed);
    result.cuts = points.size();
    result.possible_cuts = total - 1;
    for (const auto point : points)
        result.ways.push_back({{point, total}, fmt::format("cut after record {} of {}", point, total)});
    if (total > 2 && total <= row_by_row_up_to) {
        std::vector<std::size_t> ends(total);
        std::iota(ends.begin(), ends.end(), std::size_t{1});
        result.ways.push_back({std::move(ends), "one record a run"});
    }
    return result;
}

}  // namespace weir::orchestrate::trial

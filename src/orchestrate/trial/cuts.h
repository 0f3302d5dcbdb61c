// In which runs a test's records come in.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "declare/test_file.h"

namespace weir::orchestrate::trial {

// One way in which the records come in: after run i, the first `ends[i]` of them are there.
struct Way {
    std::vector<std::size_t> ends;
    std::string text;  // "in one go", "cut after record 3 of 7"
};

struct Ways {
    std::vector<Way> ways;  // the first is the one that expectations are judged by first
    std::size_t cuts = 0, possible_cuts = 0;
};

// More records than this: some cuts are drawn. So few: also one record a run.
inline constexpr std::size_t all_cuts_up_to = 20, row_by_row_up_to = 8;

// `arrival_ends`: how many records there are after each arrival, ascending; the last is above 0. None: no way.
Ways ways(const std::vector<std::size_t>& arrival_ends, declare::TestCase::Runs runs, std::uint64_t seed);

}  // namespace weir::orchestrate::trial

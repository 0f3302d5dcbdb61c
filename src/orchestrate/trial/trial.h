// A project's tests, tried for real: files in a scratch folder, the intake, a lake, states and views as in any run.
//
//   records ──write──▶ in/SOURCE/DAY/file ──run──▶ lake ──read──▶ rows, counts ──compare──▶ expected
//              ▲                             │                       │
//              └───── the next part ─────────┘                       └── and with the first way, in every column
//
// Every way of cutting starts from an empty lake at the same path and the same moment, so that nothing but the cut
// differs. A file that was begun grows: lines and places stay what they are.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "declare/test_file.h"
#include "orchestrate/trial/compare.h"

namespace weir::orchestrate::trial {

struct Failure {
    std::string way;               // "in one go", "cut after record 3 of 7"
    std::string relation;          // a view or a source; empty where the run itself failed
    std::string column;            // empty: the whole row, or no row at all
    std::string message;           // one sentence
    std::string expected, actual;  // rows as JSON objects; empty: there is no such row
    Where where;                   // of the expectation
};

struct Outcome {
    std::optional<Failure> failure;
    std::size_t records = 0;
    std::size_t ways = 0;  // that were tried
    std::size_t cuts = 0, possible_cuts = 0;
    bool sampled() const { return cuts < possible_cuts; }
};

// Tries one test in every way. An Error is no failed test: the test cannot be tried, or the surroundings failed.
// `options` are those of the project; the test's parameters come on top of them.
Result<Outcome> try_test(const declare::LoadOptions& options, const declare::TestCase& test, std::uint64_t seed);

}  // namespace weir::orchestrate::trial

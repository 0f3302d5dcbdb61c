// One source, from new files to one commit: read, checked, judged, accounted for, landed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "orchestrate/intake/source_plan.h"

namespace weir::orchestrate {

struct Taken {
    std::int64_t epoch = 0;
    std::int64_t files = 0;
    std::int64_t read = 0, accepted = 0, duplicate = 0, quarantined = 0, filtered = 0, nulled = 0;
    std::vector<std::string> warnings;  // promises of severity warning or info that were missed
};

// Takes in what is planned, or nothing of it. An empty plan creates the table where it does not exist, and ends there.
// Fails with contract_violated (a threshold, or too many broken rows: the first of them are named),
// accounting_mismatch, input_malformed, input_changed, and whatever reading and writing meet.
Result<Taken> take_in(const Workplace& at, const SourcePlan& plan, const std::string& run_id);

// Of a set of rejected rows ("file:line: rule: reason"), the first few, one a line.
Result<std::string> first_rejects(sql::Connection& connection, const std::string& rejects, std::size_t most);

}  // namespace weir::orchestrate

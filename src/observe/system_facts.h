// What the lake knows about itself, for the metrics and the status: where rows went, and what was verified.
#pragma once

#include <string>
#include <vector>

#include "lake/lake.h"
#include "model/row_counts.h"

namespace weir::observe {

struct SourceRows : RowCounts {
    std::string source;
    std::int64_t committed_us = 0;  // the newest of them; 0: never
    std::int64_t epoch = 0;         // the same
};
// Of all intakes and replays; empty where nothing was taken in. Lakes of earlier versions know of no late rows.
Result<std::vector<SourceRows>> accounting_totals(const lake::Lake& lake, sql::Connection& connection);

struct Verdict {
    std::string view;
    bool equal = false;
    std::int64_t verified_us = 0;
};
// The last one of each view; empty where nothing was verified.
Result<std::vector<Verdict>> last_verdicts(const lake::Lake& lake, sql::Connection& connection);

}  // namespace weir::observe

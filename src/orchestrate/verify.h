// Whether published results are what their rows in the lake give: each view is computed again by the plain full query,
// over the tables in the versions that the publication names, and compared to the bit.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "orchestrate/intake/workplace.h"

namespace weir::orchestrate {

struct Difference {
    std::string column;      // the first one that differs; empty: the row is there once only
    std::string recomputed;  // the row as JSON; empty: not there
    std::string published;
    std::string events_query;         // which events made it; empty where that cannot be told
    std::vector<std::string> events;  // the first of them, as JSON
};

struct Verdict {
    std::string view;
    std::string interval;          // 2024-03-01
    std::int64_t publication = 0;  // 0: what is live
    bool equal = false;
    std::int64_t rows = 0;     // published
    std::int64_t missing = 0;  // rows of the recomputation that the result does not have
    std::int64_t surplus = 0;  // rows of the result that the recomputation does not have
    std::optional<Difference> first;
};

struct Verification {
    std::vector<Verdict> verdicts;
    // Views whose text is another one than that which was published, and so not compared.
    std::vector<std::string> rewritten{};
};

// `views`: names; empty: all that are published. Fails with not_found on a name without a published result. The
// verdicts are kept in weir.verdicts.
Result<Verification> verify(const Workplace& at, const std::vector<std::string>& views);

// The same for what `weir sql --live` gives now: the views up to the newest commits, from states and what came after
// them, against the plain full query over the same versions of the tables. Nothing is kept.
Result<Verification> verify_live(const Workplace& at, const std::vector<std::string>& views);

}  // namespace weir::orchestrate

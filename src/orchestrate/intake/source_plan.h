// What of a source's files is new, and for which day.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/interval.h"
#include "orchestrate/intake/workplace.h"
#include "source/files/discover.h"

namespace weir::orchestrate {

struct IntakeFile {
    source::InputFile file;
    Day arrival;
    std::uint64_t start_offset = 0;  // bytes taken before; reading goes on behind them
};

struct SourcePlan {
    const declare::Source* source = nullptr;
    const declare::Contract* contract = nullptr;
    std::vector<IntakeFile> take;
    std::vector<source::CaptureColumn> captures;
    std::int64_t grown = 0;         // of `take`: files taken before that became longer
    std::set<std::string> changed;  // of `take`: paths of a reference source whose rows are replaced
    std::int64_t unchanged = 0;     // taken before, as they are
    std::int64_t outside = 0;       // arrived outside the requested interval
    std::uint64_t bytes = 0;        // still to be read
    std::int64_t messages = 0;      // of a log: still to be read
    std::set<Day> message_days;     // which they bear
    std::set<Day> days() const;
    std::int64_t files_new() const {
        return static_cast<std::int64_t>(take.size()) - grown - static_cast<std::int64_t>(changed.size());
    }
};

// Fails with input_changed if a file that was taken has other bytes now, naming it and the way out.
Result<SourcePlan> plan_source(const Workplace& at, const declare::Source& source,
                               const std::optional<Interval>& interval);

}  // namespace weir::orchestrate

// How far the events of each source have come: weir.watermarks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "declare/project.h"
#include "lake/lake.h"

namespace weir::observe {

struct SourceWatermark {
    std::string source;
    std::optional<Time> watermark, newest_event;  // nothing: no event came yet
    std::int64_t partitions = 0, idle = 0;
    std::optional<Time> moved_at;
};

// Of the sources that say when events happened, as of `now`.
Result<std::vector<SourceWatermark>> watermarks(const lake::Lake& lake, sql::Connection& connection,
                                                const declare::Project& project, Time now);

// Of one of them, as a version of its table has it.
Result<SourceWatermark> watermark_at(const lake::Snapshot& snapshot, sql::Connection& connection,
                                     const declare::Project& project, const declare::Source& source, Time now);

// All of them as rows of weir.watermarks, for INSERT, with the late rows of the accounts; empty: none.
Result<std::string> watermark_rows(const lake::Lake& lake, sql::Connection& connection, const declare::Project& project,
                                   Time now);

}  // namespace weir::observe

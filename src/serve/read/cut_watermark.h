// The watermark of what an answer shows: the least of the watermarks of its view's sources, as the versions that it was
// computed from have them.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/clock.h"
#include "declare/project.h"
#include "sql/database.h"
#include "view/batch/pinned_tables.h"

namespace weir::serve {

class CutWatermark {
public:
    // As of `now`: where all partitions of a source are idle, its watermark goes on with the clock.
    CutWatermark(const declare::Project& project, sql::Connection& connection, Time now)
        : project_(&project), connection_(&connection), now_(now) {}

    // Nothing: no source of these tables says when its events happened, or one that does has none yet.
    Result<std::optional<Time>> of(const std::set<std::string>& tables, view::PinnedTables& pinned);

private:
    const declare::Project* project_;
    sql::Connection* connection_;
    Time now_;
    std::map<std::pair<std::string, std::int64_t>, std::optional<Time>> known_;  // by source and version
};

}  // namespace weir::serve

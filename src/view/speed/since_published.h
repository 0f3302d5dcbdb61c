// Whether live rows can be made from a view's published ones: where nothing but rows came into its tables since.
#pragma once

#include <optional>

#include "declare/project.h"
#include "model/interval.h"
#include "view/batch/pinned_tables.h"
#include "view/publication.h"
#include "view/split/split.h"

namespace weir::view {

// The versions of the view's tables that its published rows were computed from. Nothing: its text is another one, or in
// tables at versions `now`, seen as of the end of `day`, more has changed than that rows came into sources' tables.
Result<std::optional<Versions>> only_grown_since(const declare::Project& project, PinnedTables& tables,
                                                 const Versions& now, const declare::View& view, const Split& split,
                                                 const PublishedView& published, Day day);

}  // namespace weir::view

// What every step of a run needs.
#pragma once

#include "base/clock.h"
#include "declare/project.h"
#include "lake/lake.h"
#include "observe/events.h"
#include "sql/database.h"
#include "view/batch/view_split.h"

namespace weir::orchestrate {

struct Workplace {
    const declare::Project& project;
    const lake::Lake& lake;
    sql::Database& database;
    const Clock& clock;
    observe::Observer& observer;
    view::CatalogKeeper& catalogs;
    // A landing does not wait for checkpoints: somebody writes them beside it (lake::write_due_checkpoint).
    bool checkpoints_beside = false;
    // Nothing but landings is done in the database, and LandingSettings::keep() was called.
    bool only_lands = false;
};

// A table of the lake; it is created with this schema where it does not exist.
Result<lake::Table> open_or_create(const Workplace& at, const std::string& name, const Schema& schema,
                                   const std::vector<std::string>& partition_columns, const std::string& description);

}  // namespace weir::orchestrate

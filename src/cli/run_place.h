// Everything that a command which changes a lake holds open.
#pragma once

#include <memory>

#include "cli/project.h"
#include "orchestrate/intake/workplace.h"
#include "orchestrate/ledger.h"
#include "view/batch/interval_batch.h"

namespace weir::cli {

// The parts refer to each other, so it stays where it is made.
class RunPlace {
public:
    // Opens project, DuckDB, lake and ledger. Problems of the project are printed. Access::look makes nothing: where
    // there is no ledger yet, it stands in memory.
    static Result<std::unique_ptr<RunPlace>> open(const Invocation& invocation, Terminal& terminal,
                                                  view::Access access = view::Access::change);
    static Result<std::unique_ptr<RunPlace>> open(declare::Project project, Terminal& terminal,
                                                  view::Access access = view::Access::change);

    const declare::Project& project() const { return project_; }
    orchestrate::Ledger& ledger() { return ledger_; }
    const Clock& clock() const { return clock_; }
    orchestrate::Workplace workplace(observe::Observer& observer) {
        return {project_, *lake_, database_, clock_, observer, catalogs_};
    }

private:
    RunPlace(declare::Project project, sql::Database database, orchestrate::Ledger ledger)
        : project_(std::move(project)), database_(std::move(database)), ledger_(std::move(ledger)) {}
    declare::Project project_;
    sql::Database database_;
    std::optional<lake::Lake> lake_;
    orchestrate::Ledger ledger_;
    SystemClock clock_;
    view::CatalogKeeper catalogs_;
};

}  // namespace weir::cli

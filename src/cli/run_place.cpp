#include "cli/run_place.h"

#include <fmt/format.h>

namespace weir::cli {

Result<std::unique_ptr<RunPlace>> RunPlace::open(const Invocation& invocation, Terminal& terminal,
                                                 view::Access access) {
    WEIR_ASSIGN(auto project, load_project(invocation, terminal));
    return open(std::move(project), terminal, access);
}

Result<std::unique_ptr<RunPlace>> RunPlace::open(declare::Project project, Terminal& terminal, view::Access access) {
    WEIR_ASSIGN(auto database, view::open_database(project, access));
    WEIR_ASSIGN(auto ledger, access == view::Access::look ? orchestrate::Ledger::look(ledger_path(project.lake))
                                                          : orchestrate::Ledger::open(ledger_path(project.lake)));
    if (!ledger.set_aside().empty())
        terminal.note(
            fmt::format("the ledger of runs was damaged and is now {}; a new one was begun\n", ledger.set_aside()));
    std::unique_ptr<RunPlace> place(new RunPlace(std::move(project), std::move(database), std::move(ledger)));
    WEIR_ASSIGN(place->lake_, lake::Lake::open(place->project_.lake.string(), place->database_));
    return place;
}

}  // namespace weir::cli

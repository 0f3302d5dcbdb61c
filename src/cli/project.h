// From the command line to the project and its lake.
#pragma once

#include <filesystem>
#include <optional>

#include "cli/parse.h"
#include "cli/terminal.h"
#include "declare/load.h"
#include "view/session.h"

namespace weir::cli {

struct Opened {
    std::optional<declare::Project> project;  // nothing: a bare lake, named by --lake
    std::filesystem::path lake;
};

// A failure that was told already: it only ends the program, with the code's exit code.
Error told(ErrorCode code);

declare::LoadOptions load_options(const Invocation& invocation);

// The project, whole. All of its problems are printed where it is not; then told(project_invalid).
Result<declare::Project> load_project(const Invocation& invocation, Terminal& terminal);

// The project, or with --lake and no weir.yaml the bare lake.
Result<Opened> open_project_or_lake(const Invocation& invocation, Terminal& terminal);

// Its lake as a database.
Result<view::Session> open_session(const Opened& opened, const lake::At& as_of = lake::Newest{}, bool live = false);

// Where a lake keeps the history of its runs.
std::filesystem::path ledger_path(const std::filesystem::path& lake);

}  // namespace weir::cli

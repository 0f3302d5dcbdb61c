// weir docs: writes docs/reference/ again.
#include "cli/docs.h"

#include <fmt/format.h>

#include "base/file.h"
#include "cli/commands/list.h"
#include "cli/parse.h"
#include "cli/terminal.h"

namespace weir::cli {
namespace {

Result<int> run(const Invocation& invocation, Terminal& terminal) {
    const fs::path directory = invocation.option("--out");
    if (directory.empty())
        return Error{.code = ErrorCode::usage,
                     .message = "`weir docs` needs --out DIR",
                     .hint = "weir docs --out docs/reference"};
    WEIR_TRY(make_directories(directory));
    for (const auto& page : reference_pages()) {
        WEIR_TRY(write_file_atomic(directory / page.file, page.text));
        if (!terminal.quiet()) terminal.note(fmt::format("{}\n", (directory / page.file).string()));
    }
    return 0;
}

}  // namespace

Command docs_command() {
    return {.name = "docs",
            .summary = "write the reference manual",
            .description = "From the tables that the program works with.",
            .arguments = {},
            .options = {{.name = "--out", .value = "DIR", .help = "where to", .words = Words::directory}},
            .examples = {{"weir docs --out docs/reference", "after a change to a command, an error or a key"}},
            .exit_codes = {0, 2, 4},
            .run = run,
            .hidden = true};
}

}  // namespace weir::cli

// weir version
#include <duckdb.h>
#include <fmt/format.h>

#include "cli/commands/list.h"
#include "cli/parse.h"
#include "cli/terminal.h"
#include "sink/value.h"

namespace weir::cli {
namespace {

Result<int> run(const Invocation&, Terminal& terminal) {
    std::string text;
    if (terminal.json()) {
        text = R"({"weir": )";
        sink::append_json_string(WEIR_VERSION, text);
        text += R"(, "duckdb": )";
        sink::append_json_string(duckdb_library_version(), text);
        text += "}\n";
    } else {
        text = fmt::format("weir {} (DuckDB {})\n", WEIR_VERSION, duckdb_library_version());
    }
    WEIR_TRY(terminal.write(text));
    return 0;
}

}  // namespace

Command version_command() {
    return {.name = "version",
            .summary = "the versions of weir and of the DuckDB in it",
            .description = "`weir --version` is the same.",
            .arguments = {},
            .options = {},
            .examples = {{"weir version", "for a bug report"}, {"weir version --json", "for a script"}},
            .exit_codes = {0, 2},
            .run = run};
}

}  // namespace weir::cli

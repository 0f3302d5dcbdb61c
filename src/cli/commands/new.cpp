// weir new: a project that passes `weir check` at once.
#include <fmt/format.h>

#include "base/nearest.h"
#include "cli/commands/list.h"
#include "cli/parse.h"
#include "cli/terminal.h"
#include "declare/scaffold.h"
#include "sink/value.h"

namespace weir::cli {
namespace {

Result<int> run(const Invocation& invocation, Terminal& terminal) {
    const std::filesystem::path directory = invocation.argument("DIR");
    const auto from = invocation.option("--from");
    const auto names = declare::scaffold_templates();
    if (!from.empty() && std::find(names.begin(), names.end(), from) == names.end())
        return Error{.code = ErrorCode::usage,
                     .message = fmt::format("there is no project '{}' to start from", from),
                     .hint = suggest(from, names)};
    WEIR_ASSIGN(const auto made,
                declare::scaffold({.directory = directory, .from = from, .csv = invocation.option("--csv")}));
    if (terminal.json()) {
        std::string json = "{\"name\": ";
        sink::append_json_string(made.name, json);
        json += ", \"files\": [";
        for (std::size_t i = 0; i < made.files.size(); ++i) {
            if (i != 0) json += ", ";
            sink::append_json_string((directory / made.files[i]).string(), json);
        }
        WEIR_TRY(terminal.write(json + "]}\n"));
    } else if (!terminal.quiet()) {
        for (const auto& file : made.files) WEIR_TRY(terminal.write((directory / file).string() + "\n"));
    }
    return 0;
}

}  // namespace

Command new_command() {
    return {.name = "new",
            .summary = "make a project: empty, around a CSV file, or from one that ships with weir",
            .description =
                "The project passes `weir check` at once; change it into yours. From a CSV file only its "
                "dialect, its columns' names and their types are taken, never a value.",
            .arguments = {{.name = "DIR", .help = "the new directory", .required = true, .words = Words::directory}},
            .options = {{.name = "--from",
                         .value = "PROJECT",
                         .help = "start from a shipped project (recipes, learning, nexmark), or empty (the default)"},
                        {.name = "--csv",
                         .value = "FILE",
                         .help = "write a source and a contract for this file",
                         .words = Words::file}},
            .examples = {{"weir new shop --from recipes", "then: cd shop, weir check, weir run"},
                         {"weir new mine --csv orders.csv", "a project around your own file"}},
            .exit_codes = {0, 1, 2, 4},
            .run = run};
}

}  // namespace weir::cli

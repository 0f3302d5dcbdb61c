// weir generate: made-up rows, as a generator of the project declares them.
#include <fmt/format.h>

#include "base/nearest.h"
#include "cli/commands/list.h"
#include "cli/number_option.h"
#include "cli/project.h"
#include "orchestrate/generate.h"
#include "sink/staged_file.h"

namespace weir::cli {
namespace {

Result<int> run(const Invocation& invocation, Terminal& terminal) {
    if (!invocation.has("--count"))
        return Error{.code = ErrorCode::usage, .message = "how many rows?", .hint = "--count N"};
    orchestrate::GenerateRequest request;
    WEIR_ASSIGN(const auto count, number_option(invocation, "--count", 0));
    WEIR_ASSIGN(const auto seed, number_option(invocation, "--seed", 0));
    request.count = count.value_or(0);
    request.seed = seed.value_or(0);
    WEIR_ASSIGN(const auto project, load_project(invocation, terminal));
    const auto name = invocation.argument("NAME");
    const auto* generator = project.generator(name);
    if (generator == nullptr) {
        std::vector<std::string> names;
        for (const auto& known : project.generators) names.push_back(known.name);
        auto hint = suggest(name, names);
        if (hint.empty()) hint = fmt::format("a generator is one SELECT in generators/{}.sql", name);
        return Error{.code = ErrorCode::not_found,
                     .message = fmt::format("the project has no generator '{}'", name),
                     .hint = std::move(hint)};
    }
    const auto out = invocation.option("--out");
    if (out.empty()) {
        WEIR_TRY(orchestrate::generate(project, *generator, request,
                                       [&](std::string_view lines) { return terminal.write(lines); }));
        return 0;
    }
    WEIR_ASSIGN(auto file, sink::StagedFile::create(out));
    WEIR_TRY(
        orchestrate::generate(project, *generator, request, [&](std::string_view lines) { return file.write(lines); }));
    WEIR_ASSIGN(const auto bytes, std::move(file).commit());
    static_cast<void>(bytes);
    return 0;
}

}  // namespace

Command generate_command() {
    return {.name = "generate",
            .summary = "make up rows, as a generator of the project says",
            .description =
                "A generator is one SELECT over a row number and a seed, in generators/NAME.sql. Its rows are written "
                "as JSON lines. The same seed, count and parameters give the same bytes.",
            .arguments = {{.name = "PROJECT",
                           .help = "the project's directory (default: the current one)",
                           .words = Words::project},
                          {.name = "NAME", .help = "the generator", .required = true}},
            .options = {{.name = "--count", .value = "N", .help = "how many rows"},
                        {.name = "--seed", .value = "S", .help = "a whole number that chooses the rows (default: 0)"},
                        {.name = "--out",
                         .value = "FILE",
                         .help = "write there instead of standard output; it appears whole or not at all",
                         .words = Words::file}},
            .examples = {{"weir generate projects/learning events --count 1000 --out events.jsonl",
                          "a replay file of a thousand events"},
                         {"weir generate projects/learning events --count 10 --seed 2 --param mode=reference",
                          "others, drawn otherwise, to look at"}},
            .exit_codes = {0, 1, 2, 4, 130},
            .run = run};
}

}  // namespace weir::cli
